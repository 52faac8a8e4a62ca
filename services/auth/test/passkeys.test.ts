import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { mailTo, password, startAuth, type AuthService, type Person } from './support/auth.ts'
import { createSoftAuthenticator, type SoftAuthenticator } from './support/authenticator.ts'

let auth: AuthService
before(async () => {
  auth = await startAuth()
})
after(() => auth.stop())

const origin = 'http://localhost:3000'

async function addPasskey(person: Person, authenticator = createSoftAuthenticator(), status = 201) {
  const { challenge_token, options } = (await person.call('startPasskeyRegistration', {}, 200)).body
  const body = { challenge_token, response: authenticator.create(options, origin), name: 'My phone' }
  return { authenticator, passkey: (await person.call('addPasskey', { body }, status)).body }
}

async function answer(authenticator: SoftAuthenticator, mfa_token?: string) {
  const asked = await auth.nobody.call('startPasskeyLogin', { body: mfa_token ? { mfa_token } : {} }, 200)
  const { challenge_token, options } = asked.body
  return { challenge_token, response: { ...authenticator.get(options, origin) } }
}

test('a stranger neither sees nor changes somebody’s passkeys', async () => {
  const person = await auth.newPerson()
  const { passkey } = await addPasskey(person)
  const stranger = await auth.newPerson()
  const params = { id: passkey.id }
  const missing = await stranger.call('deletePasskey', { params: { id: person.id } }, 404)
  const hidden = await stranger.call('deletePasskey', { params }, 404)
  assert.deepEqual(hidden.raw, missing.raw)
  await stranger.call('renamePasskey', { params, body: { name: 'mine' } }, 404)
  assert.deepEqual((await stranger.call('listPasskeys', {}, 200)).body.items, [])
  await auth.nobody.call('deletePasskey', { params }, 401)
  await auth.nobody.call('listPasskeys', {}, 401)
  await auth.nobody.call('startPasskeyRegistration', {}, 401)
  const unknown = { challenge_token: 'x', response: { id: 'x' } }
  await auth.nobody.call('addPasskey', { body: { ...unknown, name: 'x' } }, 401)
  await auth.nobody.call('loginPasskey', { body: unknown }, 401)
  await auth.nobody.call('startPasskeyLogin', { body: { mfa_token: 'x' } }, 401)
})

test('the first passkey brings recovery codes; it is listed, renamed and removed', async () => {
  const person = await auth.newPerson()
  const { passkey } = await addPasskey(person)
  assert.equal(passkey.recovery_codes.length, 10)
  assert.equal((await addPasskey(person)).passkey.recovery_codes, undefined)
  const params = { id: passkey.id }
  await person.call('renamePasskey', { params, body: { name: 'Old phone' } }, 200)
  const { items } = (await person.call('listPasskeys', {}, 200)).body
  assert.deepEqual(
    items.map((item: { name: string }) => item.name),
    ['Old phone', 'My phone'],
  )
  await person.call('deletePasskey', { params }, 204)
  await person.call('deletePasskey', { params: { id: items[1].id } }, 204)
  const state = (await person.call('getMfa', {}, 200)).body
  assert.deepEqual(state, { enabled: false, totp: false, passkeys: 0, recovery_codes_left: 0 })
  await mailTo(auth, person.email, 'mfa_changed')
})

test('a passkey signs in without a password, once per challenge', async () => {
  const person = await auth.newPerson()
  const { authenticator } = await addPasskey(person)
  const body = await answer(authenticator)
  const tokens = await auth.nobody.call('loginPasskey', { body }, 200)
  assert.equal((await auth.with(tokens.body.access_token).call('getMe', {}, 200)).body.id, person.id)
  await auth.nobody.call('loginPasskey', { body }, 401)
})

test('a passkey is a second factor, and only one’s own', async () => {
  const person = await auth.newPerson()
  const { authenticator } = await addPasskey(person)
  const other = (await addPasskey(await auth.newPerson())).authenticator
  const half = (await auth.nobody.call('login', { body: { email: person.email, password } }, 200)).body
  assert.deepEqual(half.methods, ['passkey', 'recovery_code'])
  const foreign = { mfa_token: half.mfa_token, passkey: await answer(other, half.mfa_token) }
  await auth.nobody.call('loginMfa', { body: foreign }, 401)
  const own = { mfa_token: half.mfa_token, passkey: await answer(authenticator, half.mfa_token) }
  await auth.nobody.call('loginMfa', { body: own }, 200)
})

test('a passkey alone re-authenticates', async () => {
  const person = await auth.newPerson()
  const { authenticator } = await addPasskey(person)
  auth.advance(16 * 60_000)
  const fresh = await auth.nobody.call(
    'refresh',
    { body: { refresh_token: person.tokens.refresh_token } },
    200,
  )
  const later = auth.with(fresh.body.access_token)
  await later.call('startPasskeyRegistration', {}, 403)
  await later.call('reauthenticate', { body: { passkey: await answer(authenticator) } }, 204)
  await later.call('startPasskeyRegistration', {}, 200)
})

test('refused: other site, a cloned counter, an authenticator registered before, another’s challenge', async () => {
  const person = await auth.newPerson()
  const { authenticator } = await addPasskey(person)
  const { challenge_token, options } = (await auth.nobody.call('startPasskeyLogin', { body: {} }, 200)).body
  const phished = { challenge_token, response: { ...authenticator.get(options, 'https://evil.example') } }
  await auth.nobody.call('loginPasskey', { body: phished }, 401)
  await auth.sql`update passkeys set counter = 1000 where user_id = ${person.id}`
  await auth.nobody.call('loginPasskey', { body: await answer(authenticator) }, 401)
  await addPasskey(await auth.newPerson(), authenticator, 409)

  const thief = await auth.newPerson()
  const started = (await person.call('startPasskeyRegistration', {}, 200)).body
  const response = createSoftAuthenticator().create(started.options, origin)
  const body = { challenge_token: started.challenge_token, response, name: 'x' }
  await thief.call('addPasskey', { body }, 422)
})
