import type { FastifyRequest } from 'fastify'
import type { Allow, Operation } from '../contract/operation.ts'
import { Problem, problems } from '../http/problems.ts'
import { handedPrincipal, hasPermission, isAdmin, nobody, type Principal } from './principal.ts'
import { linkId } from './share-routes.ts'
import type { Verifier } from './verify.ts'

/** Who sends this request. @throws Problem 401 for a token that is not valid. */
export function principalOf(verifier: Verifier, request: FastifyRequest): Principal | Promise<Principal> {
  const handed = handedPrincipal(request.raw)
  if (handed) return handed
  const header = request.headers.authorization
  if (header !== undefined) {
    const token = /^Bearer +([\w.~+/=-]+)$/i.exec(header)?.[1]
    if (!token) throw problems.invalidToken('Send Authorization: Bearer <token>')
    return verifier.verify(token)
  }
  const link = request.headers['x-share-token']
  return typeof link === 'string' && link.length <= 200 ? { kind: 'link', id: linkId(link) } : nobody
}

/** The same where anybody may ask: a token that is not valid, or not for that, counts as none. */
export async function principalIfAny(
  verifier: Verifier,
  request: FastifyRequest,
  service: string,
  operation: Operation,
): Promise<Principal> {
  try {
    const principal = await principalOf(verifier, request)
    return inScope(principal, service, operation) ? principal : nobody
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return nobody
    throw error
  }
}

/** @throws Problem 401 for nobody, 403 for somebody who may not. */
export function admit(allow: Allow, principal: Principal, service: string, operation: Operation): void {
  if (allow === 'public') return
  if (principal.kind === 'nobody') throw problems.unauthorized()
  if (!inScope(principal, service, operation))
    throw problems.forbidden('This token is not for that', 'insufficient_scope')
  if (allow === 'service') {
    if (principal.kind !== 'service') throw problems.forbidden()
  } else if (allow === 'admin') {
    if (!isAdmin(principal)) throw problems.forbidden('Only an administrator may do this')
  } else if (allow === 'user') {
    if (principal.kind === 'link') throw problems.unauthorized()
  } else if (allow.startsWith('permission:')) {
    const permission = allow.slice('permission:'.length)
    if (!hasPermission(principal, permission))
      throw problems.forbidden(`You need the permission ${permission}`)
  }
  // What is left, `file.edit` and its like, depends on the resource: the handler asks its policy.
}

/** Scopes of a token: `*`, `read`, `write`, or those of one service, `storage:read`, `storage:*`. */
function inScope(principal: Principal, service: string, { method }: Operation): boolean {
  const scopes = 'scopes' in principal ? principal.scopes : undefined
  if (!scopes) return true
  const verb = method === 'GET' || method === 'HEAD' ? 'read' : 'write'
  const enough = ['*', verb, `${service}:${verb}`, `${service}:*`]
  return scopes.some((scope) => enough.includes(scope))
}
