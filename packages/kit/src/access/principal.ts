import type { IncomingMessage } from 'node:http'

/** Who asks. `id` is the user's id, the service's name, or the share link's hash. */
export type Principal =
  | UserPrincipal
  | { kind: 'service'; id: string; scopes?: readonly string[] }
  | { kind: 'link'; id: string }
  | { kind: 'nobody' }

export interface UserPrincipal {
  kind: 'user'
  id: string
  email: string
  name: string
  role: 'admin' | 'user' | 'guest'
  groups: readonly string[]
  permissions: readonly string[]
  /** The session that the token belongs to; a personal access token's id for such a token. */
  sid: string
  /** Only on personal access tokens: what it may be used for (`storage:read`, `*`). */
  scopes?: readonly string[]
}

export const nobody: Principal = { kind: 'nobody' }

export const principalId = (principal: Principal): string | null =>
  principal.kind === 'nobody' ? null : principal.id

export const isAdmin = (principal: Principal): boolean =>
  principal.kind === 'user' && principal.role === 'admin'

/** A part of the suite itself; a token that was made for an outside service has scopes. */
export const isSuite = (principal: Principal): boolean => principal.kind === 'service' && !principal.scopes

export const hasPermission = (principal: Principal, permission: string): boolean =>
  isAdmin(principal) || (principal.kind === 'user' && principal.permissions.includes(permission))

const handed = Symbol('principal')

/**
 * Hands a verified principal along with a raw request to a service of the same process, which then
 * does not verify the token again. A symbol cannot come in over the wire.
 */
export function handPrincipal(request: IncomingMessage, principal: Principal): void {
  ;(request as unknown as Record<symbol, Principal>)[handed] = principal
}

export const handedPrincipal = (request: IncomingMessage): Principal | undefined =>
  (request as unknown as Record<symbol, Principal>)[handed]
