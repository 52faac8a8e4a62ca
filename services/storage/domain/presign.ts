import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** Seven days, the longest that S3's own presigned addresses live. */
export const PRESIGN_SECONDS_MAX = 7 * 24 * 60 * 60

/** Who signed: as much of them as decides what they may do. Their shares are looked up anew at each use. */
export type SignedBy = { kind: string; id: string; groups: readonly string[] }

/** Everything that a presigned address allows, and nothing else: any other method, name, length or content fails. */
export type Grant =
  | { method: 'GET'; by: SignedBy; file: string; revision: number; expires: number }
  | {
      method: 'PUT'
      by: SignedBy
      folder: string | null
      name: string
      length: number
      /** Hex; null when the sender did not know it beforehand. */
      sha256: string | null
      expires: number
    }
  /** The right to download through a link whose password was given. */
  | { method: 'LINK'; link: string; expires: number }

export type Signer = {
  sign(grant: Grant): string
  /** The grant of a token that we signed for this method and that has not expired; otherwise null. */
  verify<M extends Grant['method']>(method: M, token: string, now: Date): Extract<Grant, { method: M }> | null
}

/** Signs grants by HMAC-SHA-256 under a key that is derived from the installation's secret and used for nothing else. */
export function createSigner(secret: string): Signer {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'ait storage presign', 32))
  const mac = (text: string): string => createHmac('sha256', key).update(text).digest('base64url')
  return {
    sign(grant) {
      const text = Buffer.from(JSON.stringify(grant)).toString('base64url')
      return `${text}.${mac(text)}`
    },
    verify(method, token, now) {
      const [text = '', signature = ''] = token.split('.')
      // As text: the last character of base64url has bits that stand for nothing, and would be anybody's to change.
      const given = Buffer.from(signature)
      const wanted = Buffer.from(mac(text))
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null
      const grant = JSON.parse(Buffer.from(text, 'base64url').toString()) as Grant
      return grant.method === method && grant.expires * 1000 > now.getTime() ? (grant as never) : null
    },
  }
}

/** The expiry of a grant, in seconds since 1970. */
export const expiresAt = (now: Date, seconds: number): number =>
  Math.floor(now.getTime() / 1000) + Math.min(seconds, PRESIGN_SECONDS_MAX)
