import { SignJWT, createLocalJWKSet, jwtVerify, type CryptoKey, type JSONWebKeySet } from 'jose'
import { SIGNING_ALGORITHM } from './signing-keys.ts'

/** Who the bearer is, as every service reads it from the token. */
export interface AccessTokenSubject {
  id: string
  email: string
  name: string
  role: string
  groups: readonly string[]
  permissions: readonly string[]
  /** The session the token belongs to: ending it ends the token everywhere. */
  sessionId: string
}

export interface MintOptions {
  issuer: string
  audience: string
  lifetimeSeconds: number
  now: Date
  /** Unique id of this token (`jti`). */
  tokenId: string
  /** What the token is narrowed to (`scope`), for personal access and service tokens. */
  scopes?: readonly string[]
}

/** No access token lives longer: the deny-list is allowed to forget after this. */
export const MAX_ACCESS_TOKEN_SECONDS = 900

/** A signed access token in the profile of RFC 9068 (`typ: at+jwt`). */
export function mintAccessToken(
  subject: AccessTokenSubject,
  key: { kid: string; privateKey: CryptoKey },
  options: MintOptions,
): Promise<string> {
  const issuedAt = Math.floor(options.now.getTime() / 1000)
  const { email, name, role, groups, permissions, sessionId } = subject
  const scope = options.scopes ? { scope: options.scopes.join(' ') } : {}
  return new SignJWT({ email, name, role, groups, permissions, sid: sessionId, ...scope })
    .setProtectedHeader({ alg: SIGNING_ALGORITHM, typ: 'at+jwt', kid: key.kid })
    .setIssuer(options.issuer)
    .setAudience(options.audience)
    .setSubject(subject.id)
    .setJti(options.tokenId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + Math.min(options.lifetimeSeconds, MAX_ACCESS_TOKEN_SECONDS))
    .sign(key.privateKey)
}

export interface AccessTokenClaims {
  sub: string
  sid: string
  email: string
  iat: number
  exp: number
}

/** The claims of a token that these keys signed and that has not expired; undefined for any other string. */
export async function verifyAccessToken(
  token: string,
  keys: JSONWebKeySet,
  rules: { issuer: string; audience: string; now: Date },
): Promise<AccessTokenClaims | undefined> {
  const { issuer, audience, now: currentDate } = rules
  try {
    const options = { issuer, audience, currentDate, algorithms: [SIGNING_ALGORITHM], typ: 'at+jwt' }
    return (await jwtVerify<AccessTokenClaims>(token, createLocalJWKSet(keys), options)).payload
  } catch {
    return undefined
  }
}
