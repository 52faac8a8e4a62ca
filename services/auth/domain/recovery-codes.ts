import { randomInt } from 'node:crypto'
import { hashToken } from './opaque-token.ts'

export const RECOVERY_CODE_COUNT = 10

/** Crockford's base32 without letters that are easily misread: 50 bits in ten characters. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const HALF = 5

/**
 * Ten codes, each good for one login without the second factor, as `xxxxx-xxxxx`. They are random, so
 * SHA-256 suffices for storing them; guessing is stopped by the MFA throttle long before 2⁵⁰ tries.
 */
export function generateRecoveryCodes(): string[] {
  return Array.from({ length: RECOVERY_CODE_COUNT }, () => `${randomHalf()}-${randomHalf()}`)
}

function randomHalf(): string {
  return Array.from({ length: HALF }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('')
}

/** The stored form. Case, spaces and the dash do not matter, nor do `o` for 0 and `i` or `l` for 1. */
export function hashRecoveryCode(code: string): Buffer {
  const plain = code.toLowerCase().replaceAll(/[\s-]/g, '')
  return hashToken(plain.replaceAll('o', '0').replaceAll(/[il]/g, '1'))
}
