import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose'
import type { Sealer } from './sealing.ts'

/** ES256 (RFC 7518 §3.4) and nothing else, so that no token can choose its own algorithm. */
export const SIGNING_ALGORITHM = 'ES256'

/** A signing key as it is stored: the private half is sealed. */
export interface StoredKey {
  kid: string
  publicJwk: JWK
  sealedPrivateJwk: string
}

export async function generateSigningKey(kid: string, sealer: Sealer): Promise<StoredKey> {
  const { publicKey, privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true })
  const privateJwk = await exportJWK(privateKey)
  return {
    kid,
    publicJwk: await exportJWK(publicKey),
    sealedPrivateJwk: sealer.seal(JSON.stringify(privateJwk), kid),
  }
}

/** Throws `CannotOpen` when `JWT_SECRET_KEY` changed: the key is then lost and another must take over. */
export async function openSigningKey(stored: StoredKey, sealer: Sealer): Promise<CryptoKey> {
  const privateJwk = JSON.parse(sealer.open(stored.sealedPrivateJwk, stored.kid)) as JWK
  return (await importJWK(privateJwk, SIGNING_ALGORITHM)) as CryptoKey
}

/** The JWK Set (RFC 7517 §5) that services verify by. Only public members are copied. */
export function jwks(keys: readonly Pick<StoredKey, 'kid' | 'publicJwk'>[]): { keys: JWK[] } {
  return {
    keys: keys.map(({ kid, publicJwk: { kty, crv, x, y } }) => ({
      ...({ kty, crv, x, y } as JWK),
      kid,
      alg: SIGNING_ALGORITHM,
      use: 'sig',
    })),
  }
}
