import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { hash } from '@node-rs/argon2'
import { until } from '@ait/testing'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { password, startAuth, visible, type AuthService } from './support/auth.ts'

let auth: AuthService
before(async () => {
  auth = await startAuth()
})
after(() => auth.stop())

const guide = { email: 'user@example.com', password: 'SecurePass123!', full_name: 'Juan Pérez', role: 'user' }

test('a stranger: no token, a malformed one, one of another issuer', async () => {
  await auth.nobody.call('getMe', {}, 401)
  await auth.nobody.call('logout', {}, 401)
  await auth.with('eyJhbGciOiJub25lIn0.e30.').call('getMe', {}, 401)
  await auth.as('ann').call('getMe', {}, 401)
  await auth.nobody.call('listRevocations', {}, 401)
  await auth.nobody.call('introspectToken', { body: { token: 'ait_x' } }, 401)
  const person = await auth.newPerson()
  await person.call('listRevocations', {}, 403)
  await person.call('introspectToken', { body: { token: 'ait_x' } }, 403)
})

test('the guide: register, login, me, refresh, as printed', async () => {
  const registered = await auth.nobody.call('register', { body: guide }, 201)
  assert.equal(registered.body.email, guide.email)
  assert.equal(registered.body.full_name, guide.full_name)
  assert.equal(registered.body.role, 'user')
  assert.ok(!registered.raw.includes('argon2'), 'no hash in the answer')
  assert.deepEqual(await auth.events('auth.user.registered.v1').then((all) => all.at(-1)), {
    id: registered.body.id,
    email: guide.email,
    full_name: guide.full_name,
    role: 'user',
    locale: 'en',
    time_zone: 'UTC',
    disabled: false,
    version: 1,
  })

  const { email, password: secret } = guide
  const login = await auth.nobody.call('login', { body: { email, password: secret } }, 200)
  assert.equal(login.body.token_type, 'bearer')
  assert.equal(login.body.expires_in, 900)
  assert.equal(login.headers['cache-control'], 'no-store')
  assert.deepEqual(
    { ...decodeProtectedHeader(login.body.access_token), kid: '' },
    { alg: 'ES256', typ: 'at+jwt', kid: '' },
  )
  const claims = decodeJwt(login.body.access_token)
  assert.equal(claims.sub, registered.body.id)
  assert.equal(claims.aud, 'ait-suite')
  assert.equal(claims['name'], guide.full_name)

  const me = await auth.with(login.body.access_token).call('getMe', {}, 200)
  assert.equal(me.body.id, registered.body.id)
  assert.ok(me.body.last_login_at)

  const refreshed = await auth.nobody.call(
    'refresh',
    { body: { refresh_token: login.body.refresh_token } },
    200,
  )
  assert.notEqual(refreshed.body.refresh_token, login.body.refresh_token)
  await auth.with(refreshed.body.access_token).call('getMe', {}, 200)
})

test('register: taken address, weak password, wrong fields, unknown time zone', async () => {
  const body = { ...guide, email: 'taken@example.com' }
  await auth.nobody.call('register', { body }, 201)
  const taken = await auth.nobody.call(
    'register',
    { body: { ...body, email: ' Taken@Example.com'.trim() } },
    409,
  )
  assert.equal(taken.body.code, 'email_taken')
  const weak = await auth.nobody.call(
    'register',
    { body: { ...body, email: 'w@example.com', password: 'password1' } },
    422,
  )
  assert.deepEqual(weak.body.errors[0].loc, ['body', 'password'])
  assert.equal(weak.body.errors[0].type, 'weak_password')
  const wrong = await auth.nobody.call(
    'register',
    { body: { email: 'no', password: 'x', is_admin: true } },
    422,
  )
  const places = wrong.body.errors.map((error: { loc: string[] }) => error.loc.at(-1))
  assert.deepEqual(places.toSorted(), ['email', 'full_name', 'is_admin', 'password'])
  await auth.nobody.call(
    'register',
    { body: { ...body, email: 'z@example.com', time_zone: 'Mars/Base' } },
    422,
  )
  await auth.nobody.call('register', { body: { ...body, email: 'z@example.com' } }, 201)
})

test('register: of two at once with one address one succeeds', async () => {
  const body = { ...guide, email: 'race@example.com' }
  const answers = await Promise.all([1, 2, 3].map(() => auth.nobody.call('register', { body })))
  assert.deepEqual(answers.map((answer) => answer.status).toSorted(), [201, 409, 409])
})

test('register: nobody makes themselves an administrator, an administrator and the suite may', async () => {
  const events = (await auth.events('auth.user.registered.v1')).length
  for (const role of ['admin', 'guest', 'service']) {
    const body = { ...guide, email: `${role}@mass.example.com`, role }
    await auth.nobody.call('register', { body }, 403)
    await (await auth.newPerson()).call('register', { body }, 403)
  }
  const rows = await auth.sql`select 1 from users where email like '%@mass.example.com'`
  assert.equal(rows.length, 0, 'nothing was written')
  assert.equal((await auth.events('auth.user.registered.v1')).length, events + 3, 'only the three who asked')
  const admin = await auth.admin()
  const made = await admin.call(
    'register',
    { body: { ...guide, email: 'second@example.com', role: 'admin' } },
    201,
  )
  assert.equal(made.body.role, 'admin')
  await auth
    .asService()
    .call('register', { body: { ...guide, email: 'third@example.com', role: 'guest' } }, 201)
})

test('register: one address may bring a whole office, and is slowed down then; others are not', async () => {
  const from = (address: string) => ({ 'x-forwarded-for': address })
  const body = (n: number) => ({ ...guide, email: `office${n}@example.com` })
  for (let n = 0; n <= 100; n++)
    await auth.nobody.call('register', { body: body(n), headers: from('203.0.113.7') }, 201)
  const refused = await auth.nobody.call('register', { body: body(101), headers: from('203.0.113.7') }, 429)
  assert.equal(refused.headers['retry-after'], '1')
  await auth.nobody.call('register', { body: body(101), headers: from('203.0.113.8') }, 201)
})

test('login answers the same for a wrong password and an unknown address', async () => {
  const person = await auth.newPerson()
  const wrong = await auth.nobody.call('login', { body: { email: person.email, password: 'wrong' } }, 401)
  const unknown = await auth.nobody.call(
    'login',
    { body: { email: 'nobody@example.com', password: 'wrong' } },
    401,
  )
  assert.deepEqual(visible(unknown), visible(wrong))
  assert.deepEqual(Object.keys(unknown.headers).toSorted(), Object.keys(wrong.headers).toSorted())
  await auth.nobody.call('login', { body: { email: 'not an address', password: 'wrong' } }, 401)
})

test('login: too many failures are slowed down, the same for an unknown account, and never for ever', async () => {
  const person = await auth.newPerson()
  const attempt = (email: string) => auth.nobody.call('login', { body: { email, password: 'wrong' } })
  const series = async (email: string) => {
    const statuses = []
    for (let i = 0; i < 8; i++) statuses.push((await attempt(email)).status)
    return statuses
  }
  const expected = [401, 401, 401, 401, 401, 401, 429, 429]
  assert.deepEqual(await series(person.email), expected)
  assert.deepEqual(await series('ghost@example.com'), expected)
  const slowed = await attempt(person.email)
  assert.ok(Number(slowed.headers['retry-after']) >= 1)
  auth.advance(2000)
  await auth.signIn(person.email)
  assert.equal((await attempt(person.email)).status, 401, 'success forgave the slips')
})

test('login: a hundred guesses at once are counted one by one', async () => {
  const person = await auth.newPerson()
  const body = { email: person.email, password: 'wrong' }
  const answers = await Promise.all(Array.from({ length: 40 }, () => auth.nobody.call('login', { body })))
  const tried = answers.filter((answer) => answer.status === 401).length
  assert.equal(tried, 6)
  auth.advance(3_600_000)
})

const counted = async (service = auth) =>
  (
    await service.sql`select coalesce(sum(failures), 0)::int as n from failure_counters where scope like 'password.%'`
  )[0]?.['n']

test('login: fifty at once that are right all succeed', async () => {
  const person = await auth.newPerson()
  const counter = await counted()
  const body = { email: person.email, password }
  const answers = await Promise.all(Array.from({ length: 50 }, () => auth.nobody.call('login', { body })))
  assert.ok(answers.every((answer) => answer.status === 200))
  assert.equal(await counted(), counter)
})

test('login: what a busy service could not check is no wrong guess', async (t) => {
  const slow = {
    AUTH_HASH_MEMORY_KIB: '131072',
    AUTH_HASH_PASSES: '10',
    AUTH_HASH_CONCURRENCY: '1',
    AUTH_HASH_QUEUE: '0',
  }
  const busy = await startAuth({ ...slow, ADMIN_EMAIL: '' })
  t.after(() => busy.stop())
  const work = busy.service.deps.hasher.hash('something that takes a second')
  const answer = await busy.nobody.call('login', { body: { email: 'x@example.com', password } }, 503)
  assert.ok(Number(answer.headers['retry-after']) > 0)
  assert.equal(await counted(busy), 0)
  await work
})

test('logout ends the session: its tokens stop working, another session goes on', async () => {
  const person = await auth.newPerson()
  const other = await auth.signIn(person.email)
  await person.call('logout', {}, 204)
  await until('the token is refused', async () => (await person.call('getMe')).status === 401, 1000)
  await auth.nobody.call('refresh', { body: { refresh_token: person.tokens.refresh_token } }, 401)
  await other.call('getMe', {}, 200)
  const ended = (await auth.events('auth.session.ended.v1')).at(-1)
  assert.equal(ended.user_id, person.id)
  assert.equal(ended.reason, 'logout')
})

test('a hash of another cost is renewed at the next login', async () => {
  const person = await auth.newPerson()
  await auth.sql`update users set password_hash = ${await hash(password, { memoryCost: 128, timeCost: 1 })} where id = ${person.id}`
  await auth.signIn(person.email)
  const [renewed] = await auth.sql`select password_hash from users where id = ${person.id}`
  assert.match(renewed?.['password_hash'], /\$m=64,t=1,p=1\$/)
})
