import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

/** Encrypts small secrets that must be read back (signing keys, TOTP secrets) before they are stored. */
export interface Sealer {
  /** Binds the ciphertext to `context` (say, the row's id), so that it cannot be moved to another row. */
  seal(plaintext: string, context: string): string
  /** Throws {@link CannotOpen} when no configured secret fits, or when it was tampered with. */
  open(sealed: string, context: string): string
}

/** The secret that sealed this is no longer configured, or the stored value was altered. */
export class CannotOpen extends Error {
  override name = 'CannotOpen'
}

const FORMAT = 'v1'
const IV_BYTES = 12
const TAG_BYTES = 16

/**
 * AES-256-GCM under a key derived by HKDF-SHA256 (RFC 5869) from `JWT_SECRET_KEY`, one key per purpose.
 * The first secret seals; every one opens, so that the secret can be changed without losing what it sealed.
 */
export function createSealer(secrets: readonly string[], purpose: string): Sealer {
  const keys = secrets.map((secret) => deriveKey(secret, purpose))
  const [newest] = keys
  if (!newest) throw new Error('a sealer needs at least one secret')

  return {
    seal(plaintext, context) {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', newest.key, iv).setAAD(Buffer.from(context))
      const sealed = Buffer.concat([
        iv,
        cipher.update(plaintext, 'utf8'),
        cipher.final(),
        cipher.getAuthTag(),
      ])
      return `${FORMAT}.${newest.id}.${sealed.toString('base64url')}`
    },
    open(sealed, context) {
      const [format, id, body = ''] = sealed.split('.')
      const key = keys.find((candidate) => candidate.id === id)
      if (format !== FORMAT || !key) throw new CannotOpen('sealed under a secret that is not configured')
      try {
        const bytes = Buffer.from(body, 'base64url')
        const decipher = createDecipheriv('aes-256-gcm', key.key, bytes.subarray(0, IV_BYTES))
        decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES))
        return (
          decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
        )
      } catch (cause) {
        throw new CannotOpen('the sealed value was altered', { cause })
      }
    },
  }
}

/** A key for one purpose; keys of different purposes tell nothing about each other. */
export function deriveKey(secret: string, purpose: string): { id: string; key: Buffer } {
  const key = Buffer.from(hkdfSync('sha256', secret, '', `ait-auth/${purpose}`, 32))
  const id = createHash('sha256').update(key).digest('base64url').slice(0, 8)
  return { id, key }
}
