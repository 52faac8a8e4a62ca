import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { isSuite } from '../access/principal.ts'

/**
 * The address that a request comes from. A part of the suite that asks for somebody tells theirs by
 * `X-Forwarded-For`, and its token vouches for that, wherever it runs: else everybody who signs in
 * through the gateway would be one and the same.
 */
export function addressOf({ principal, headers, ip }: FastifyRequest): string {
  const told = headers['x-forwarded-for']
  return principal && isSuite(principal) && typeof told === 'string' && isIP(told) !== 0 ? told : ip
}
