import { createHash, timingSafeEqual } from 'node:crypto'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose'
import { within } from '../http/deadline.ts'
import { problems } from '../http/problems.ts'
import type { Principal, UserPrincipal } from './principal.ts'
import type { Revocations } from './revocations.ts'

/** Where a service learns whom to trust: the auth service, or a test's own issuer. */
export interface Authority {
  jwks(): Promise<JSONWebKeySet>
  /** Resolves an opaque `ait_…` token. Null when it is unknown, expired or revoked. */
  introspect(token: string): Promise<Principal | null>
  /**
   * Sessions and tokens that ended after `cursor`; waits up to some seconds for one. Without `cursor`
   * all that may still matter, at once.
   */
  revocations(cursor: number | undefined, signal: AbortSignal): Promise<{ items: string[]; cursor: number }>
}

export interface Verifier {
  /** Of a token that was verified before, without any work. @throws Problem 401 when it was revoked. */
  known(token: string): Principal | undefined
  /** @throws Problem 401 when the token is malformed, expired, revoked or not for us. */
  verify(token: string): Principal | Promise<Principal>
}

interface Options {
  authority: Authority
  issuer: string
  audience: string
  serviceTokens: string[]
  revocations: Revocations
}

const cacheSize = 10_000
const opaqueTtlMs = 30_000
const keysMaxAgeMs = 5 * 60_000
const askAgainMs = 5000
const revocationsWithinMs = 3000

/**
 * Verifies bearer tokens: the shared service token, access tokens (RFC 9068, ES256 only, keys by
 * JWKS) and opaque personal or service tokens. A verified token is remembered until it expires,
 * which spares the signature check; whether its session has ended is asked every time.
 */
export function createVerifier(options: Options): Verifier {
  const serviceHashes = options.serviceTokens.map(sha256)
  const verified = new Map<string, { principal: Principal; until: number }>()
  const keys = keySource(options.authority)

  const remember = (token: string, principal: Principal, until: number): Principal => {
    if (verified.size >= cacheSize) verified.delete(verified.keys().next().value as string)
    verified.set(token, { principal, until })
    return principal
  }
  const checked = (principal: Principal): Principal => {
    if (options.revocations.has(sessionOf(principal))) throw problems.invalidToken('The session has ended')
    return principal
  }
  const verifyNew = async (token: string): Promise<Principal> => {
    const hash = sha256(token)
    if (serviceHashes.some((known) => timingSafeEqual(known, hash)))
      return remember(token, { kind: 'service', id: 'service' }, Infinity)
    if (token.startsWith('ait_')) {
      const principal = await options.authority.introspect(token).catch((error) => {
        throw problems.unavailable('The token cannot be checked right now', 'auth_unavailable', error)
      })
      if (!principal) throw problems.invalidToken()
      return checked(remember(token, principal, Date.now() + opaqueTtlMs))
    }
    const claims = await verifyJwt(token, keys, options)
    // After a start, before the list of ended sessions is here, what ended before would pass.
    await within(revocationsWithinMs, options.revocations.ready).catch((error) => {
      throw problems.unavailable('The session cannot be checked right now', 'auth_unavailable', error)
    })
    return checked(remember(token, userOf(claims), (claims.exp ?? 0) * 1000))
  }
  const known = (token: string): Principal | undefined => {
    const found = verified.get(token)
    if (found && found.until > Date.now()) return checked(found.principal)
    if (found) verified.delete(token)
    return undefined
  }
  return { known, verify: (token) => known(token) ?? verifyNew(token) }
}

const sha256 = (value: string): Buffer => createHash('sha256').update(value).digest()
const sessionOf = (principal: Principal): string =>
  principal.kind === 'user' ? principal.sid : principal.kind === 'service' ? principal.id : ''

type KeySet = ReturnType<typeof createLocalJWKSet>
interface Keys {
  current(): Promise<KeySet>
  /** The key set after a token named a key that is not in the one before. */
  newer(): Promise<KeySet>
}

/**
 * Keeps the key set: read again when it is old, so that a key which was withdrawn stops counting, and
 * for an unknown key id, at most once every five seconds. Without the auth service the last one serves.
 */
function keySource(authority: Authority): Keys {
  let known: KeySet | undefined
  let reading: Promise<KeySet> | undefined
  let failure: unknown
  let askedAt = -Infinity

  const read = async (): Promise<KeySet> => {
    askedAt = Date.now()
    try {
      known = createLocalJWKSet(await authority.jwks())
      failure = undefined
      return known
    } catch (error) {
      failure = error
      throw error
    } finally {
      reading = undefined
    }
  }
  const readOnce = (): Promise<KeySet> => (reading ??= read())
  return {
    async current() {
      if (!known) return readOnce()
      if (Date.now() - askedAt > keysMaxAgeMs) readOnce().catch(() => {})
      return known
    },
    async newer() {
      if (reading || !known || Date.now() - askedAt > askAgainMs) return readOnce()
      if (failure) throw failure
      return known
    },
  }
}

async function verifyJwt(token: string, keys: Keys, options: Options): Promise<JWTPayload> {
  const rules = {
    issuer: options.issuer,
    audience: options.audience,
    algorithms: ['ES256'],
    typ: 'at+jwt',
    requiredClaims: ['sub', 'sid', 'exp', 'iat', 'role'],
    clockTolerance: 5,
  }
  const unreadable = (error: unknown): never => {
    throw problems.unavailable('Sign-in keys cannot be read right now', 'auth_unavailable', error)
  }
  const keySet = await keys.current().catch(unreadable)
  try {
    return (await jwtVerify(token, keySet, rules)).payload
  } catch (error) {
    if (codeOf(error) !== 'ERR_JWKS_NO_MATCHING_KEY') throw refusal(error)
  }
  // The key may be newer than the set that we know.
  const newer = await keys.newer().catch(unreadable)
  try {
    return (await jwtVerify(token, newer, rules)).payload
  } catch (error) {
    throw refusal(error)
  }
}

const codeOf = (error: unknown): string | undefined => (error as { code?: string }).code
const refusal = (error: unknown) =>
  problems.invalidToken(codeOf(error) === 'ERR_JWT_EXPIRED' ? 'The access token has expired' : undefined)

function userOf(claims: JWTPayload): UserPrincipal {
  const role = claims['role']
  return {
    kind: 'user',
    id: String(claims.sub),
    email: String(claims['email'] ?? ''),
    name: String(claims['name'] ?? ''),
    role: role === 'admin' || role === 'guest' ? role : 'user',
    groups: strings(claims['groups']),
    permissions: strings(claims['permissions']),
    sid: String(claims['sid']),
  }
}

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])
