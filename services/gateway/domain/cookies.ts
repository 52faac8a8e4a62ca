export interface CookieOptions {
  secure: boolean
  maxAgeSeconds: number
}

/**
 * Name of the session cookie. Over https it has the `__Host-` prefix: no other host, path or
 * plain connection can then set or read it (RFC 6265bis §4.1.3.2).
 */
export const sessionCookieName = (secure: boolean): string => (secure ? '__Host-ait_session' : 'ait_session')

/** The value of a cookie; the first one, as a second can only have been put there by somebody else. */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined || !header.includes(name)) return undefined
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}

/** The header without the session cookie, which is none of the services' business. */
export function withoutCookie(header: string, name: string): string | undefined {
  if (!header.includes(name)) return header
  const others = header.split(';').filter((pair) => pair.slice(0, pair.indexOf('=')).trim() !== name)
  return others.length === 0 ? undefined : others.join(';').trim()
}

/** `Set-Cookie` of the session cookie. An empty value with age 0 removes it. */
export function sessionCookie(value: string, { secure, maxAgeSeconds }: CookieOptions): string {
  const flags = `Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${secure ? '; Secure' : ''}`
  return `${sessionCookieName(secure)}=${value}; ${flags}`
}
