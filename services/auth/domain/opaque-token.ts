import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

/**
 * Opaque tokens: random strings that mean nothing by themselves. Only their SHA-256 is stored; with 256
 * random bits a fast hash is enough, since there is nothing to guess.
 */
export function generateOpaqueToken(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored and looked up in place of the token, 32 bytes. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** Compares two secrets in time that depends on neither's content nor length. */
export function equalSecrets(a: string, b: string): boolean {
  return timingSafeEqual(hashToken(a), hashToken(b))
}

/** True when `presented` is one of the `configured` values; looks at all of them either way. */
export function matchesAny(presented: string, configured: readonly string[]): boolean {
  return configured.reduce((found, secret) => equalSecrets(presented, secret) || found, false)
}

/**
 * The refresh token that follows `token`, always the same one: a device that never received the answer
 * may ask again within the grace period and is given the very token it missed, so a family never forks.
 */
export function successorToken(token: string, key: Buffer): string {
  return createHmac('sha256', key).update(token).digest('base64url')
}

const API_TOKEN_PREFIX = 'ait_'
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const RANDOM_LENGTH = 43
const CHECKSUM_LENGTH = 6
const API_TOKEN = new RegExp(`^${API_TOKEN_PREFIX}[0-9A-Za-z]{${RANDOM_LENGTH + CHECKSUM_LENGTH}}$`)

/**
 * A personal access or service token: `ait_`, 43 random base62 characters (256 bits), and their CRC-32
 * in base62. Secret scanners find the prefix and can tell a real token from a lookalike offline.
 */
export function generateApiToken(): string {
  const random = Array.from({ length: RANDOM_LENGTH }, randomBase62Character).join('')
  return API_TOKEN_PREFIX + random + checksum(random)
}

/** Whether a string could be one of our API tokens: prefix, length and checksum. No database needed. */
export function looksLikeApiToken(token: string): boolean {
  if (!API_TOKEN.test(token)) return false
  const body = token.slice(API_TOKEN_PREFIX.length)
  return checksum(body.slice(0, RANDOM_LENGTH)) === body.slice(RANDOM_LENGTH)
}

function randomBase62Character(): string {
  for (;;) {
    // 248 is the largest multiple of 62 in a byte: what lies above would favour some characters.
    const [byte = 255] = randomBytes(1)
    if (byte < 248) return BASE62.charAt(byte % 62)
  }
}

function checksum(text: string): string {
  let value = crc32(text)
  let digits = ''
  while (digits.length < CHECKSUM_LENGTH) {
    digits = BASE62.charAt(value % 62) + digits
    value = Math.floor(value / 62)
  }
  return digits
}
