/** A fenced block of a Markdown page. */
export interface Block {
  /** The first word behind the fence: bash, ts, sql, diff, json, text. */
  language: string
  /** The rest of that line: a file, or `second terminal`. */
  info: string
  text: string
  /** Of the fence in the page. */
  line: number
}

export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(\w+)[ ]?([^\n]*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1] as string,
    info: match[2] as string,
    text: match[3] as string,
    line: page.slice(0, match.index).split('\n').length,
  }))
}

/**
 * Applies one change, written as the lines around it, without (`-`) and with it (`+`).
 * @throws Error when the lines to change are not there exactly once.
 */
export function applyDiff(text: string, diff: string): string {
  const lines = diff.trimEnd().split('\n')
  const without = (sign: string): string =>
    lines
      .filter((line) => !line.startsWith(sign))
      .map((line) => `${line.slice(1)}\n`)
      .join('')
  const before = without('+')
  const parts = text.split(before)
  if (parts.length !== 2) throw new Error(`${parts.length - 1} places look like this:\n${before}`)
  return parts.join(without('-'))
}

/** Whether an answer has what the page shows of it. `"…"` stands for anything. */
export function looksLike(actual: any, shown: any): boolean {
  if (shown === '…') return actual !== undefined
  if (typeof shown !== 'object' || shown === null) return actual === shown
  if (typeof actual !== 'object' || actual === null) return false
  if (Array.isArray(shown) && shown.length !== actual.length) return false
  return Object.keys(shown).every((key) => looksLike(actual[key], shown[key]))
}
