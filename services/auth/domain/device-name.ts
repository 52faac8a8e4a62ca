type Pattern = readonly [RegExp, string]

/** Order matters: Edge and Opera also call themselves Chrome, and Chrome calls itself Safari. */
const PROGRAMS: readonly Pattern[] = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\bOPR\/|\bOpera\b/, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bChrome\/|\bCriOS\//, 'Chrome'],
  [/\bVersion\/[\d.]+.*\bSafari\//, 'Safari'],
  [/^curl\//, 'curl'],
  [/^Wget\//, 'Wget'],
  [/^PostmanRuntime\//, 'Postman'],
  [/^python-requests\/|^python-httpx\//, 'Python'],
  [/^okhttp\//, 'Android app'],
  [/^node\b|^undici\b|^axios\//, 'Node.js'],
]

/** Android calls itself Linux, and an iPad calls itself a Mac unless it says iPad. */
const SYSTEMS: readonly Pattern[] = [
  [/\bWindows\b/, 'Windows'],
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMacintosh\b|\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
]

/** A name a person recognises in a list of sessions: "Firefox on Linux", "curl", "Unknown device". */
export function deviceName(userAgent: string | undefined): string {
  const name = (patterns: readonly Pattern[]) => patterns.find(([test]) => test.test(userAgent ?? ''))?.[1]
  const program = name(PROGRAMS)
  const system = name(SYSTEMS)
  if (program && system) return `${program} on ${system}`
  return program ?? system ?? 'Unknown device'
}
