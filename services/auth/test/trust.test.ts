import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { startAuth, type AuthService } from './support/auth.ts'

let auth: AuthService
before(async () => {
  auth = await startAuth()
})
after(() => auth.stop())

const revocations = async (from: number) =>
  (await auth.asService().call('listRevocations', { query: { after: from } }, 200)).body

test('access tokens verify by the published keys', async () => {
  const { tokens } = await auth.newPerson()
  const set = await auth.nobody.call('getJwks', {}, 200)
  assert.equal(set.body.keys.length, 2, 'the one that signs and the one that comes next')
  for (const key of set.body.keys)
    assert.deepEqual(Object.keys(key).toSorted(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  await jwtVerify(tokens.access_token, createLocalJWKSet(set.body), { typ: 'at+jwt', audience: 'ait-suite' })
})

test('who begins to follow the ended sessions gets them at once, also when there are none', async () => {
  const since = performance.now()
  await auth.asService().call('listRevocations', {}, 200)
  assert.ok(performance.now() - since < 5000)
})

test('who follows the ended sessions is told in the moment it happens, in order and nothing twice', async () => {
  const first = await auth.newPerson()
  await first.call('logout', {}, 204)
  const start = await revocations(0)
  assert.equal(start.items.length, 1)
  const people = [await auth.newPerson(), await auth.newPerson()]
  const waiting = revocations(start.cursor)
  const since = performance.now()
  await people[0]!.call('logout', {}, 204)
  const news = await waiting
  assert.ok(performance.now() - since < 1000)
  assert.equal(news.items.length, 1)
  await people[1]!.call('logout', {}, 204)
  const last = await revocations(news.cursor)
  assert.equal(last.items.length, 1)
  assert.ok(last.cursor > news.cursor)
})

test('a service that stops answers who waits', async () => {
  const other = await startAuth()
  const waiting = other.asService().call('listRevocations', { query: { after: 0 } }, 200)
  await other.nobody.call('getJwks', {}, 200)
  const since = performance.now()
  await other.stop()
  assert.deepEqual((await waiting).body.items, [])
  assert.ok(performance.now() - since < 5000)
})

test('an opaque token that nobody knows stands for nobody', async () => {
  const answer = await auth.asService().call('introspectToken', { body: { token: 'ait_unknown' } }, 200)
  assert.deepEqual(answer.body, { principal: null })
})
