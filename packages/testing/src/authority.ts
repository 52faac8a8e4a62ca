import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Authority, Principal } from '@ait/kit'
import { personas, type Persona } from './personas.ts'

export const testIssuer = 'http://localhost:8001'
export const testAudience = 'ait-suite'

export interface TestAuthority extends Authority {
  /** An access token as the auth service would issue it; `claims` and `header` override its own. */
  tokenFor(
    persona: Persona,
    claims?: Record<string, unknown>,
    header?: Record<string, unknown>,
  ): Promise<string>
  /** A token signed by nobody we know. */
  forgedFor(persona: Persona): Promise<string>
  revoke(id: string): void
  /** Makes an opaque token known. */
  know(token: string, principal: Principal): void
}

/** Stands in for the auth service at the seam where every service learns whom to trust. */
export async function createTestAuthority(): Promise<TestAuthority> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const stranger = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'ES256', use: 'sig' }
  const ended: string[] = []
  const opaque = new Map<string, Principal>()
  const news = new EventEmitter().setMaxListeners(0)

  const sign = (
    persona: Persona,
    key: CryptoKey,
    claims: Record<string, unknown>,
    header: Record<string, unknown> = {},
  ): Promise<string> => {
    const { id, ...rest } = personas[persona]
    const now = Math.floor(Date.now() / 1000)
    const base = {
      sub: id,
      sid: randomUUID(),
      permissions: [],
      iss: testIssuer,
      aud: testAudience,
      iat: now,
      exp: now + 600,
    }
    return new SignJWT({ ...base, ...rest, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'test', typ: 'at+jwt', ...header })
      .sign(key)
  }
  return {
    jwks: async () => ({ keys: [jwk] }),
    introspect: async (token) => opaque.get(token) ?? null,
    async revocations(cursor, signal) {
      if (cursor !== undefined && cursor >= ended.length) await once(news, 'revoked', { signal })
      return { items: ended.slice(cursor), cursor: ended.length }
    },
    tokenFor: (persona, claims = {}, header = {}) => sign(persona, privateKey, claims, header),
    forgedFor: (persona) => sign(persona, stranger.privateKey, {}),
    revoke(id) {
      ended.push(id)
      news.emit('revoked')
    },
    know: (token, principal) => void opaque.set(token, principal),
  }
}
