import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HashQueueFull, createPasswordHasher } from '../domain/password-hashing.ts'
import { createPasswordCheck } from '../domain/password-strength.ts'

const cheap = { memoryKib: 64, passes: 1, concurrency: 2, queueLimit: 3 }

test('a hash of the argon2 reference implementation is understood', async () => {
  // phc-winner-argon2, src/test.c: argon2id, t=2, m=2^16, p=1
  const phc = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  const hasher = createPasswordHasher(cheap)
  assert.equal(await hasher.verify(phc, 'password'), true)
  assert.equal(await hasher.verify(phc, 'Password'), false)
  assert.equal(hasher.needsRehash(phc), true)
})

test('the default cost is written into the hash and asks for no rehash', async () => {
  const hasher = createPasswordHasher({ memoryKib: 19_456, passes: 2, concurrency: 1, queueLimit: 0 })
  const phc = await hasher.hash('correct horse')
  assert.match(phc, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  assert.equal(hasher.needsRehash(phc), false)
  assert.equal(await hasher.verify(phc, 'correct horse'), true)
  assert.equal(createPasswordHasher(cheap).needsRehash(phc), true)
})

test('composed and decomposed accents are the same password', async () => {
  const hasher = createPasswordHasher(cheap)
  const phc = await hasher.hash('contraseña larga')
  assert.equal(await hasher.verify(phc, 'contraseña larga'.normalize('NFD')), true)
})

test('without an account the same work is done and nothing matches', async () => {
  const hasher = createPasswordHasher({ memoryKib: 8192, passes: 2, concurrency: 1, queueLimit: 10 })
  const phc = await hasher.hash('a password')
  await hasher.verify(undefined, 'warm up')
  const cpu = async (stored: string | undefined) => {
    const before = process.cpuUsage()
    for (let i = 0; i < 5; i++) assert.equal(await hasher.verify(stored, 'wrong'), false)
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  const [known, unknown] = [await cpu(phc), await cpu(undefined)]
  assert.ok(unknown > known / 4 && unknown < known * 4, `${unknown} µs against ${known} µs`)
})

test('a storm beyond the queue is refused, the rest is served, and the queue is free afterwards', async () => {
  const hasher = createPasswordHasher(cheap)
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => hasher.hash('storm')))
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  assert.equal(results.length - refused.length, cheap.concurrency + cheap.queueLimit)
  assert.ok(refused.every((reason) => reason instanceof HashQueueFull))
  assert.match(await hasher.hash('after the storm'), /^\$argon2id/)
})

const check = createPasswordCheck()
const juan = { email: 'user@example.com', fullName: 'Juan Pérez' }

test('the longest passwords are judged about as fast as those of 48 characters', () => {
  const cpu = (password: string): number => {
    const before = process.cpuUsage()
    check(password, juan)
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  const digits = (length: number): string => '1991'.repeat(64).slice(0, length)
  cpu(digits(48))
  const least = (length: number): number => Math.min(...Array.from({ length: 5 }, () => cpu(digits(length))))
  const [usual, longest] = [least(48), least(256)]
  assert.ok(longest < usual * 4, `${longest} µs against ${usual} µs`)
  assert.equal(
    check('tres tristes tigres tragaban trigo en un trigal, en tres tristes trastos', juan).ok,
    true,
  )
  assert.equal(check('a'.repeat(256), juan).ok, false)
})

for (const password of [
  'SecurePass123!',
  'kX7$mPq2',
  'tres tristes tigres',
  'x'.repeat(8) + 'Qv9-lamp',
  '密码很长而且独特的',
])
  test(`accepted: ${password}`, () => {
    const verdict = check(password, juan)
    assert.deepEqual({ ok: verdict.ok, reason: verdict.reason }, { ok: true, reason: undefined })
  })

test('64 characters and more are allowed, 257 are not', () => {
  const long = 'correct horse battery staple tres tristes tigres comen trigo en un trigal'
  assert.ok(long.length > 64 && check(long, juan).ok)
  assert.equal(check('a1'.repeat(128) + 'z', juan).ok, false)
})

for (const [password, reason] of [
  ['short1!', /at least 8/],
  ['12345678', /most common/],
  ['password1', /common/],
  ['Password123!', /common/],
  ['qwertyuiop', /common/],
  ['aaaaaaaaaaaa', /epeated/],
  ['user@example.com', /name or e-mail/],
  ['JuanPerez1', /name or e-mail/],
  ['Example2024'.slice(0, 10), /name or e-mail/],
] as const)
  test(`refused: ${password}`, () => {
    const verdict = check(password, juan)
    assert.equal(verdict.ok, false)
    assert.match(verdict.reason ?? '', reason)
  })
