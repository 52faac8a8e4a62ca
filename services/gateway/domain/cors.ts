/** Origins that may call from a browser; `*` lets all, then without cookies. */
export interface CorsPolicy {
  /** Headers of an answer to this origin, flat; empty when it is not admitted. */
  answerHeaders(origin: string): string[]
  /** Headers that answer a preflight; undefined when it is not admitted. */
  preflightHeaders(origin: string, requestHeaders: string | undefined): string[] | undefined
  origins: readonly string[]
}

const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const exposed =
  'ETag, Location, Retry-After, X-Request-Id, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Content-Disposition'

/** @param list origins with commas between them */
export function createCors(list: string): CorsPolicy {
  const origins = list
    .split(',')
    .map((origin) => origin.trim().replace(/\/$/, ''))
    .filter((origin) => origin !== '')
  const anyone = origins.includes('*')
  const admitted = new Set(origins)
  const grant = (origin: string): string[] => {
    if (admitted.has(origin))
      return ['access-control-allow-origin', origin, 'access-control-allow-credentials', 'true']
    return anyone ? ['access-control-allow-origin', '*'] : []
  }
  return {
    origins,
    answerHeaders(origin) {
      const headers = grant(origin)
      if (headers.length > 0) headers.push('access-control-expose-headers', exposed)
      return headers
    },
    preflightHeaders(origin, requestHeaders) {
      const headers = grant(origin)
      if (headers.length === 0) return undefined
      headers.push('access-control-allow-methods', methods, 'access-control-max-age', '600')
      if (requestHeaders && /^[\w\-, ]{1,1000}$/.test(requestHeaders))
        headers.push('access-control-allow-headers', requestHeaders)
      return headers
    },
  }
}
