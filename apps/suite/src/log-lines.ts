const colors: Record<string, string> = {
  warn: '\x1b[33m',
  error: '\x1b[31m',
  fatal: '\x1b[31m',
  debug: '\x1b[2m',
  trace: '\x1b[2m',
}

/**
 * A JSON log line in words: `12:30:01.123 auth       info  request  POST /login 200 …`. A line that is
 * not JSON, as PostgreSQL's, is shown as it is.
 */
export function readable(name: string, line: string, color: boolean): string {
  const entry = parse(line)
  const label = name.padEnd(10)
  if (!entry) return `${label} ${line}`
  const { level, time, service: _, msg = '', err, ...rest } = entry as Record<string, any>
  const clock = String(time ?? '').slice(11, 23)
  const fields = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const text = [clock, label, String(level).padEnd(5), msg, ...fields].join(' ').trimEnd()
  const trace = err ? `\n${(err as { stack?: string }).stack ?? JSON.stringify(err)}` : ''
  return color && colors[level] ? `${colors[level]}${text}${trace}\x1b[0m` : text + trace
}

function parse(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return value !== null && typeof value === 'object' ? value : undefined
  } catch {
    return undefined
  }
}
