const safe = new Set(['GET', 'HEAD', 'OPTIONS'])

export interface BrowserHints {
  method: string
  /** `Sec-Fetch-Site`, which scripts cannot set. */
  fetchSite: string | undefined
  origin: string | undefined
}

/**
 * Whether a request that a cookie authenticates may act: another site can make the browser send it,
 * but not with these headers. Without any of them a write is refused, since every browser sends one.
 * @param ownOrigins such as `https://suite.example.com`
 */
export function mayActByCookie(
  { method, fetchSite, origin }: BrowserHints,
  ownOrigins: readonly string[],
): boolean {
  if (safe.has(method)) return true
  if (origin !== undefined && ownOrigins.includes(origin)) return true
  if (fetchSite !== undefined) return fetchSite === 'same-origin'
  return false
}

/** The same for WebSockets, whose handshake is a GET that acts. */
export const mayConnectByCookie = (origin: string | undefined, ownOrigins: readonly string[]): boolean =>
  origin !== undefined && ownOrigins.includes(origin)
