/** Directives of `Cache-Control`, lower case; without a value they are `''`. */
export function cacheDirectives(header: string | undefined): Map<string, string> {
  const directives = new Map<string, string>()
  for (const part of (header ?? '').split(',')) {
    const [name = '', value = ''] = part.split('=')
    if (name.trim() !== '') directives.set(name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1'))
  }
  return directives
}

/**
 * Seconds that a shared cache may serve an answer (RFC 9111 §4.2.1); 0 when it may not be stored.
 * Stricter than the standard: only what says `public`.
 */
export function sharedFreshness(cacheControl: string | undefined): number {
  if (cacheControl === undefined || !/\bpublic\b/i.test(cacheControl)) return 0
  const directives = cacheDirectives(cacheControl)
  if (['private', 'no-store', 'no-cache'].some((name) => directives.has(name))) return 0
  const seconds = Number(directives.get('s-maxage') ?? directives.get('max-age') ?? 0)
  return Number.isFinite(seconds) && seconds > 0 ? seconds : 0
}

/** Whether one of the tags of `If-None-Match` means this answer (weak comparison, RFC 9110 §8.8.3.2). */
export function matchesTag(ifNoneMatch: string, etag: string | undefined): boolean {
  if (ifNoneMatch.trim() === '*') return true
  if (etag === undefined) return false
  return ifNoneMatch.split(',').some((tag) => opaqueTag(tag) === opaqueTag(etag))
}

const opaqueTag = (tag: string): string => tag.trim().replace(/^W\//, '')
