import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '@ait/testing'
import { startAuth, type AuthService } from './support/auth.ts'

let auth: AuthService
before(async () => {
  auth = await startAuth({ AUTH_SESSION_IDLE_DAYS: '10', AUTH_SESSION_MAX_DAYS: '30' })
})
after(() => auth.stop())

const day = 86_400_000
const refresh = (refresh_token: string, userAgent?: string) =>
  auth.nobody.call('refresh', {
    body: { refresh_token },
    ...(userAgent !== undefined && { headers: { 'user-agent': userAgent } }),
  })

test('unknown tokens are refused', async () => {
  assert.equal((await refresh('nonsense')).status, 401)
  assert.equal((await refresh('eyJhbGciOiJIUzI1NiJ9.e30.x')).status, 401)
  await auth.nobody.call('refresh', { body: {} }, 422)
})

test('reuse after the grace ends the whole family', async () => {
  const { tokens, ...person } = await auth.newPerson()
  const second = await refresh(tokens.refresh_token)
  assert.equal(second.status, 200)
  auth.advance(6000)
  const stolen = await refresh(tokens.refresh_token)
  assert.equal(stolen.status, 401)
  assert.deepEqual(stolen.body, (await refresh('nonsense')).body, 'tells nothing apart')
  assert.equal((await refresh(second.body.refresh_token)).status, 401, 'the successor is dead too')
  await until('the access token is refused', async () => (await person.call('getMe')).status === 401, 1000)
  assert.equal((await auth.events('auth.session.ended.v1')).at(-1).reason, 'reuse')
})

test('reuse from another device ends it at once', async () => {
  const { tokens } = await auth.newPerson()
  const second = await refresh(tokens.refresh_token, 'phone')
  assert.equal((await refresh(tokens.refresh_token, 'thief')).status, 401)
  assert.equal((await refresh(second.body.refresh_token, 'phone')).status, 401)
})

test('a device that missed the answer gets the same successor again, for a few seconds', async () => {
  const person = await auth.newPerson()
  const { refresh_token } = person.tokens
  const [first, again] = await Promise.all([refresh(refresh_token), refresh(refresh_token)])
  assert.equal(first.status, 200)
  assert.equal(again.status, 200)
  assert.equal(again.body.refresh_token, first.body.refresh_token)
  const third = await refresh(first.body.refresh_token)
  assert.equal(third.status, 200)
  assert.equal((await refresh(refresh_token)).status, 401, 'not once its successor was used')
})

test('unused tokens and old families expire', async () => {
  const idle = await auth.newPerson()
  auth.advance(10 * day)
  assert.equal((await refresh(idle.tokens.refresh_token)).status, 401)

  const busy = await auth.newPerson()
  let token = busy.tokens.refresh_token
  for (let i = 0; i < 3; i++) {
    auth.advance(9.9 * day)
    const next = await refresh(token)
    assert.equal(next.status, 200)
    token = next.body.refresh_token
  }
  auth.advance(day)
  assert.equal((await refresh(token)).status, 401)
})
