/** The request headers that make a request conditional, in lower case as Node gives them. */
export type ConditionHeaders = {
  'if-match'?: string | undefined
  'if-none-match'?: string | undefined
  'if-modified-since'?: string | undefined
  'if-unmodified-since'?: string | undefined
  'if-range'?: string | undefined
}

/** What the server has: a strong ETag with its quotes, and the time of the last change. */
export type Validators = { etag: string; lastModified: Date }

/** Evaluates the preconditions of a GET or HEAD, in the order of RFC 9110 §13.2.2. */
export function evaluateConditions(
  headers: ConditionHeaders,
  current: Validators,
): 'proceed' | 'not_modified' | 'failed' {
  const ifMatch = headers['if-match']
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, current.etag, 'strong')) return 'failed'
  } else {
    const unmodifiedSince = httpSeconds(headers['if-unmodified-since'])
    if (unmodifiedSince !== undefined && seconds(current.lastModified) > unmodifiedSince) return 'failed'
  }
  const ifNoneMatch = headers['if-none-match']
  if (ifNoneMatch !== undefined)
    return matches(ifNoneMatch, current.etag, 'weak') ? 'not_modified' : 'proceed'
  const modifiedSince = httpSeconds(headers['if-modified-since'])
  if (modifiedSince !== undefined && seconds(current.lastModified) <= modifiedSince) return 'not_modified'
  return 'proceed'
}

/** Whether a Range header may be honoured: without If-Range, or when it names what we have (RFC 9110 §13.1.5). */
export function rangeApplies(ifRange: string | undefined, current: Validators): boolean {
  if (ifRange === undefined) return true
  const value = ifRange.trim()
  if (value.startsWith('"') || value.startsWith('W/')) return value === current.etag
  return httpSeconds(value) === seconds(current.lastModified)
}

/** `*`, or a list of entity tags. Weak comparison ignores `W/` (§8.8.3.2). */
function matches(header: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') return true
  const tags = header.match(/(?:W\/)?"[^"]*"/g) ?? []
  return tags.some((tag) => (comparison === 'weak' ? tag.replace(/^W\//, '') : tag) === etag)
}

const seconds = (date: Date): number => Math.floor(date.getTime() / 1000)

/** An HTTP date in whole seconds; undefined when it is missing or not valid, as if it were not there. */
function httpSeconds(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const time = Date.parse(value)
  return Number.isNaN(time) ? undefined : Math.floor(time / 1000)
}
