import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { mintAccessToken } from '../domain/access-token.ts'
import {
  equalSecrets,
  generateApiToken,
  generateOpaqueToken,
  hashToken,
  looksLikeApiToken,
  matchesAny,
  successorToken,
} from '../domain/opaque-token.ts'
import { CannotOpen, createSealer, deriveKey } from '../domain/sealing.ts'
import { generateSigningKey, jwks, openSigningKey } from '../domain/signing-keys.ts'

const SECRET = 'a secret of at least thirty-two characters'
const sealer = createSealer([SECRET], 'signing-keys')

test('a sealed value opens under its secret, purpose and context only', () => {
  const sealed = sealer.seal('plain', 'row-1')
  assert.equal(sealer.open(sealed, 'row-1'), 'plain')
  assert.notEqual(sealer.seal('plain', 'row-1'), sealed)
  assert.throws(() => sealer.open(sealed, 'row-2'), CannotOpen)
  assert.throws(() => createSealer([SECRET], 'totp').open(sealed, 'row-1'), CannotOpen)
  assert.throws(() => createSealer(['another secret'], 'signing-keys').open(sealed, 'row-1'), CannotOpen)
  const flipped = sealed.slice(0, -2) + (sealed.endsWith('AA') ? 'BB' : 'AA')
  assert.throws(() => sealer.open(flipped, 'row-1'), CannotOpen)
  assert.throws(() => sealer.open('', 'row-1'), CannotOpen)
})

test('after a change of the secret the old one still opens', () => {
  const sealed = sealer.seal('plain', 'row-1')
  const changed = createSealer(['the new secret', SECRET], 'signing-keys')
  assert.equal(changed.open(sealed, 'row-1'), 'plain')
  assert.throws(() => sealer.open(changed.seal('plain', 'row-1'), 'row-1'), CannotOpen)
})

test('an access token verifies by the published keys, which hold nothing private', async () => {
  const stored = await generateSigningKey('key-1', sealer)
  const set = jwks([stored])
  assert.deepEqual(Object.keys(set.keys[0]!).toSorted(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  assert.ok(!stored.sealedPrivateJwk.includes(stored.publicJwk.x!))

  const now = new Date('2026-11-24T10:00:00Z')
  const subject = {
    id: '0197',
    email: 'user@example.com',
    name: 'Juan Pérez',
    role: 'user',
    groups: ['staff'],
    permissions: ['hr.manage'],
    sessionId: 's-1',
  }
  const token = await mintAccessToken(
    subject,
    { kid: 'key-1', privateKey: await openSigningKey(stored, sealer) },
    { issuer: 'https://issuer', audience: 'ait-suite', lifetimeSeconds: 86_400, now, tokenId: 't-1' },
  )
  assert.deepEqual(decodeProtectedHeader(token), { alg: 'ES256', typ: 'at+jwt', kid: 'key-1' })
  const { payload } = await jwtVerify(token, createLocalJWKSet(set), {
    issuer: 'https://issuer',
    audience: 'ait-suite',
    typ: 'at+jwt',
    algorithms: ['ES256'],
    currentDate: now,
  })
  const iat = now.getTime() / 1000
  assert.deepEqual(payload, {
    iss: 'https://issuer',
    aud: 'ait-suite',
    sub: '0197',
    jti: 't-1',
    sid: 's-1',
    iat,
    exp: iat + 900,
    email: subject.email,
    name: subject.name,
    role: 'user',
    groups: ['staff'],
    permissions: ['hr.manage'],
  })
})

test('opaque tokens are random, hashed and compared without shortcuts', () => {
  const token = generateOpaqueToken()
  assert.match(token, /^[\w-]{43}$/)
  assert.notEqual(generateOpaqueToken(), token)
  // FIPS 180-2, appendix B.1
  assert.equal(
    hashToken('abc').toString('hex'),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
  assert.equal(equalSecrets('same', 'same'), true)
  assert.equal(equalSecrets('same', 'longer'), false)
  assert.equal(matchesAny('second', ['first', 'second']), true)
  assert.equal(matchesAny('third', ['first', 'second']), false)
  assert.equal(matchesAny('', []), false)
})

test('a refresh token has one successor, which only this installation can work out', () => {
  const { key } = deriveKey(SECRET, 'refresh-successor')
  const token = generateOpaqueToken()
  assert.match(successorToken(token, key), /^[\w-]{43}$/)
  assert.equal(successorToken(token, key), successorToken(token, key))
  assert.notEqual(
    successorToken(token, key),
    successorToken(token, deriveKey('other', 'refresh-successor').key),
  )
})

test('an API token carries a checksum that a scanner can verify', () => {
  const token = generateApiToken()
  assert.match(token, /^ait_[0-9A-Za-z]{49}$/)
  assert.equal(looksLikeApiToken(token), true)
  const typo = token.slice(0, 10) + (token[10] === 'x' ? 'y' : 'x') + token.slice(11)
  assert.equal(looksLikeApiToken(typo), false)
  assert.equal(looksLikeApiToken(token.slice(0, -1)), false)
  assert.equal(looksLikeApiToken('eyJhbGciOiJFUzI1NiJ9.e30.x'), false)
})
