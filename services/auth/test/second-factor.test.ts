import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateRecoveryCodes, hashRecoveryCode } from '../domain/recovery-codes.ts'
import { enrolTotp, verifyTotp } from '../domain/totp.ts'

/** "12345678901234567890" in base32: the key of RFC 6238, appendix B (SHA-1). */
const RFC_SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
/** Seconds and the last six of the RFC's eight digits. */
const VECTORS = [
  [59, '287082'],
  [1111111109, '081804'],
  [1111111111, '050471'],
  [1234567890, '005924'],
  [2000000000, '279037'],
  [20000000000, '353130'],
] as const
const at = (seconds: number) => new Date(seconds * 1000)

for (const [seconds, code] of VECTORS)
  test(`RFC 6238: ${code} at ${seconds} s, and one step around it`, () => {
    const step = Math.floor(seconds / 30)
    assert.equal(verifyTotp(RFC_SECRET, code, at(seconds)), step)
    assert.equal(verifyTotp(RFC_SECRET, code, at(seconds + 30)), step)
    assert.equal(verifyTotp(RFC_SECRET, code, at(seconds - 30)), step)
    assert.equal(verifyTotp(RFC_SECRET, code, at(seconds + 61)), undefined)
  })

test('a step is used once, and no earlier one after it', () => {
  const step = verifyTotp(RFC_SECRET, '005924', at(1234567890))
  assert.equal(verifyTotp(RFC_SECRET, '005924', at(1234567890), step), undefined)
  assert.equal(verifyTotp(RFC_SECRET, '005924', at(1234567890), step! - 1), step)
})

test('what is no six-digit code is wrong, not an error; spaces are forgiven', () => {
  for (const code of ['', '12345', '1234567', 'abcdef', '٠٠٥٩٢٤'])
    assert.equal(verifyTotp(RFC_SECRET, code, at(1234567890)), undefined)
  assert.ok(verifyTotp(RFC_SECRET, '005 924', at(1234567890)))
})

test('an enrolment has 160 bits, an otpauth URL and a picture of it', async () => {
  const enrolment = await enrolTotp('AIT Suite', 'user@example.com')
  assert.match(enrolment.secret, /^[A-Z2-7]{32}$/)
  const url = new URL(enrolment.otpauthUrl)
  assert.equal(url.protocol, 'otpauth:')
  assert.equal(url.hostname, 'totp')
  assert.equal(decodeURIComponent(url.pathname), '/AIT Suite:user@example.com')
  assert.equal(url.searchParams.get('secret'), enrolment.secret)
  assert.equal(url.searchParams.get('issuer'), 'AIT Suite')
  const [type, data = ''] = enrolment.qrSvg.split(',')
  assert.equal(type, 'data:image/svg+xml;base64')
  assert.match(Buffer.from(data, 'base64').toString(), /^<svg [\s\S]*<path [\s\S]*<\/svg>\s*$/)
  assert.notEqual((await enrolTotp('AIT Suite', 'user@example.com')).secret, enrolment.secret)
})

test('ten different recovery codes, compared without regard to how they are typed', () => {
  const codes = generateRecoveryCodes()
  assert.equal(new Set(codes).size, 10)
  for (const code of codes) assert.match(code, /^[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}$/)
  const typed = ` ${codes[0]!.toUpperCase().replace('-', ' ')} `.replaceAll('0', 'O').replaceAll('1', 'l')
  assert.deepEqual(hashRecoveryCode(typed), hashRecoveryCode(codes[0]!))
  assert.notDeepEqual(hashRecoveryCode(codes[1]!), hashRecoveryCode(codes[0]!))
})
