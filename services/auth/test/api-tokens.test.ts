import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '@ait/testing'
import { looksLikeApiToken } from '../domain/opaque-token.ts'
import { startAuth, type AuthService, type Person } from './support/auth.ts'

let auth: AuthService
before(async () => {
  auth = await startAuth()
})
after(() => auth.stop())

const day = 86_400_000
const create = async (person: Person, scopes = ['*'], extra = {}) =>
  (await person.call('createToken', { body: { name: 'script', scopes, ...extra } }, 201)).body
const isRefused = (token: string) =>
  until('the token is refused', async () => (await auth.with(token).call('getMe')).status === 401, 1000)

test('a stranger neither lists, makes nor revokes tokens of others', async () => {
  const person = await auth.newPerson()
  const token = await create(person)
  const stranger = await auth.newPerson()
  const hidden = await stranger.call('revokeToken', { params: { id: token.id } }, 404)
  const missing = await stranger.call('revokeToken', { params: { id: person.id } }, 404)
  assert.deepEqual(hidden.raw, missing.raw)
  assert.deepEqual((await stranger.call('listTokens', {}, 200)).body.items, [])
  await auth.nobody.call('listTokens', {}, 401)
  await auth.nobody.call('createToken', { body: { name: 'x', scopes: ['*'] } }, 401)
  await auth.nobody.call('revokeToken', { params: { id: token.id } }, 401)
  await auth.with(token.token).call('getMe', {}, 200)
})

test('a personal access token is shown once, kept as a hash, and acts as its owner', async () => {
  const person = await auth.newPerson()
  const made = await create(person)
  assert.ok(looksLikeApiToken(made.token))
  assert.equal((await auth.with(made.token).call('getMe', {}, 200)).body.id, person.id)
  const listed = await person.call('listTokens', {}, 200)
  assert.ok(!listed.raw.includes(made.token))
  assert.equal(listed.body.items[0].hint, made.token.slice(0, 8))
  assert.ok(listed.body.items[0].last_used_at)
  const rows = await auth.sql`select hash from api_tokens where id = ${made.id}`
  assert.equal(rows[0]?.['hash'].length, 32)
})

test('an administrator’s token for something else makes no administrators where anybody may register', async () => {
  const person = await auth.newPerson()
  const promotion = { params: { id: person.id }, body: { role: 'admin' } }
  await (await auth.admin()).call('updateAccount', promotion, 200)
  const { token } = await create(person, ['storage:*', 'auth:read'])
  const body = { email: 'helper@example.com', password: 'tres tristes tigres', full_name: 'H', role: 'admin' }
  assert.equal((await auth.with(token).call('register', { body }, 403)).body.code, 'role_not_allowed')
})

test('scopes bound what it may do; it is no session', async () => {
  const person = await auth.newPerson()
  const reader = auth.with((await create(person, ['auth:read'])).token)
  await reader.call('getMe', {}, 200)
  await reader.call('updateMe', { body: { full_name: 'X' } }, 403)
  await auth.with((await create(person, ['storage:*'])).token).call('getMe', {}, 403)
  const all = auth.with((await create(person)).token)
  assert.equal(
    (await all.call('createToken', { body: { name: 'x', scopes: ['*'] } }, 403)).body.code,
    'session_required',
  )
  await all.call('enrollMfa', {}, 403)
  await all.call('changeEmail', { body: { email: 'y@example.com' } }, 403)
  await all.call(
    'changePassword',
    { body: { current_password: 'x', new_password: 'tres tristes tigres' } },
    403,
  )
  await person.call('createToken', { body: { name: 'x', scopes: ['everything'] } }, 422)
  await person.call('createToken', { body: { name: 'x', scopes: [] } }, 422)
})

test('it stops when it is revoked and when it expires', async () => {
  const person = await auth.newPerson()
  const revoked = await create(person)
  await auth.with(revoked.token).call('getMe', {}, 200)
  await person.call('revokeToken', { params: { id: revoked.id } }, 204)
  await isRefused(revoked.token)
  await person.call('revokeToken', { params: { id: revoked.id } }, 404)
  const past = new Date(Date.now() - day).toISOString()
  await person.call('createToken', { body: { name: 'x', scopes: ['*'], expires_at: past } }, 422)
  const expiring = await create(person, ['*'], { expires_at: new Date(Date.now() + day).toISOString() })
  await auth.with(expiring.token).call('getMe', {}, 200)
  await auth.sql`update api_tokens set expires_at = now() where id = ${expiring.id}`
  const answer = await auth.asService().call('introspectToken', { body: { token: expiring.token } }, 200)
  assert.equal(answer.body.principal, null)
})

test('a service token acts for itself, and opens nothing internal', async () => {
  const admin = await auth.admin()
  const body = { name: 'Policy manager', scopes: ['*'] }
  const made = (await admin.call('createServiceToken', { body }, 201)).body
  const service = auth.with(made.token)
  await service.call('searchUsers', {}, 200)
  await service.call('getMe', {}, 403)
  await service.call('listRevocations', {}, 403)
  await service.call('introspectToken', { body: { token: 'x' } }, 403)
  await service.call('createBrowserSession', { body: { refresh_token: 'x' } }, 403)
  const grab = { email: 'grab@example.com', password: 'SecurePass123!', full_name: 'Grab', role: 'admin' }
  await service.call('register', { body: grab }, 403)
  assert.deepEqual((await admin.call('listTokens', {}, 200)).body.items, [], 'apart from personal ones')
  assert.equal((await admin.call('listServiceTokens', {}, 200)).body.items[0].id, made.id)
  await admin.call('revokeServiceToken', { params: { id: made.id } }, 204)
  await until('it is refused', async () => (await service.call('searchUsers')).status === 401, 1000)
  await admin.call('revokeServiceToken', { params: { id: made.id } }, 404)
})

test('services introspect every kind of token', async () => {
  const person = await auth.newPerson()
  const personal = await create(person, ['storage:read'])
  const ask = async (token: string) =>
    (await auth.asService().call('introspect', { body: { token } }, 200)).body
  await auth.nobody.call('introspect', { body: { token: personal.token } }, 401)
  await person.call('introspect', { body: { token: personal.token } }, 403)
  const access = await ask(person.tokens.access_token)
  assert.deepEqual(
    [access.active, access.token_type, access.sub, access.username],
    [true, 'access_token', person.id, person.email],
  )
  const refresh = await ask(person.tokens.refresh_token)
  assert.deepEqual(
    [refresh.active, refresh.token_type, refresh.sub, refresh.sid],
    [true, 'refresh_token', person.id, access.sid],
  )
  const api = await ask(personal.token)
  assert.deepEqual(
    [api.active, api.token_type, api.sub, api.scope],
    [true, 'api_token', person.id, 'storage:read'],
  )
  await person.call('logout', {}, 204)
  for (const token of [
    person.tokens.access_token,
    person.tokens.refresh_token,
    'nonsense',
    personal.token.slice(0, -1),
  ])
    assert.deepEqual(await ask(token), { active: false })
})

test('who holds a token may revoke it', async () => {
  const [first, second] = [await auth.newPerson(), await auth.newPerson()]
  const personal = await create(second)
  await auth.nobody.call('revoke', { body: { token: first.tokens.refresh_token } }, 204)
  await until('the session is out', async () => (await first.call('getMe')).status === 401, 1000)
  await auth.nobody.call('revoke', { body: { token: personal.token } }, 204)
  await isRefused(personal.token)
  await second.call('getMe', {}, 200)
  await auth.nobody.call('revoke', { body: { token: second.tokens.access_token } }, 204)
  await until('the session is out', async () => (await second.call('getMe')).status === 401, 1000)
  await auth.nobody.call('revoke', { body: { token: 'nonsense' } }, 204)
})
