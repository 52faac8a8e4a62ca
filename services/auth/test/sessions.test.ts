import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '@ait/testing'
import { password, startAuth, type AuthService, type Person } from './support/auth.ts'

let auth: AuthService
before(async () => {
  auth = await startAuth({ AUTH_SESSION_IDLE_DAYS: '10', AUTH_SESSION_MAX_DAYS: '30' })
})
after(() => auth.stop())

const day = 86_400_000
const firefox = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0' }
const isOut = (who: Pick<Person, 'call'>) =>
  until('the access token is refused', async () => (await who.call('getMe')).status === 401, 1000)

test('a stranger neither lists nor ends the sessions of others', async () => {
  const person = await auth.newPerson()
  const [session] = (await person.call('listSessions', {}, 200)).body.items
  const stranger = await auth.newPerson()
  const hidden = await stranger.call('endSession', { params: { id: session.id } }, 404)
  const missing = await stranger.call('endSession', { params: { id: person.id } }, 404)
  assert.deepEqual(hidden.raw, missing.raw)
  const own = (await stranger.call('listSessions', {}, 200)).body.items
  assert.equal(own.length, 1)
  for (const operation of ['listSessions', 'endSessions']) await auth.nobody.call(operation, {}, 401)
  await auth.nobody.call('endSession', { params: { id: session.id } }, 401)
  await person.call('getMe', {}, 200)
})

test('sessions show device, address and which one this is', async () => {
  const person = await auth.newPerson()
  await auth.signIn(person.email, undefined, { ...firefox, 'x-forwarded-for': '203.0.113.9' })
  const { items } = (await person.call('listSessions', {}, 200)).body
  assert.deepEqual(
    items.map((item: any) => [item.device, item.address, item.current, item.kind, item.methods]),
    [
      ['Firefox on Linux', '203.0.113.9', false, 'tokens', ['password']],
      ['Unknown device', '127.0.0.1', true, 'tokens', ['password']],
    ],
  )
  const first = (await person.call('listSessions', { query: { limit: 1 } }, 200)).body
  const second = (await person.call('listSessions', { query: { limit: 1, cursor: first.next_cursor } }, 200))
    .body
  assert.deepEqual([...first.items, ...second.items], items)
})

test('the gateway tells whose browser it signs in, wherever it runs; nobody else is believed', async (t) => {
  const proxied = await startAuth({ TRUSTED_PROXIES: '192.0.2.1' })
  t.after(() => proxied.stop())
  const person = await proxied.newPerson()
  const body = { name: 'crm', scopes: ['*'] }
  const outside = (await (await proxied.admin()).call('createServiceToken', { body }, 201)).body.token
  const callers = [proxied.asService(), proxied.with(outside), person, proxied.nobody]
  for (const [i, caller] of callers.entries()) {
    const headers = { 'user-agent': `caller ${i}`, 'x-forwarded-for': '203.0.113.9' }
    await caller.call('login', { body: { email: person.email, password }, headers }, 200)
  }
  const { items } = (await person.call('listSessions', {}, 200)).body
  const addressOf = (agent: string) => items.find((one: any) => one.user_agent === agent).address
  assert.deepEqual(
    callers.map((_, i) => addressOf(`caller ${i}`)),
    ['203.0.113.9', '127.0.0.1', '127.0.0.1', '127.0.0.1'],
  )
  const audit = await proxied.sql`select agent, address from kit.audit where action = 'login.succeeded'`
  assert.equal(audit.find((row) => row['agent'] === 'caller 0')?.['address'], '203.0.113.9')
})

test('one session is ended, then all others, then all', async () => {
  const here = await auth.newPerson()
  const [second, third, fourth] = [
    await auth.signIn(here.email),
    await auth.signIn(here.email),
    await auth.signIn(here.email),
  ]
  const mine = (await second.call('listSessions', {}, 200)).body.items.find((item: any) => item.current)
  await here.call('endSession', { params: { id: mine.id } }, 204)
  await isOut(second)
  await here.call('endSession', { params: { id: mine.id } }, 404)
  assert.equal((await here.call('endSessions', { query: { keep_current: true } }, 200)).body.ended, 2)
  await isOut(third)
  await isOut(fourth)
  await here.call('getMe', {}, 200)
  assert.equal((await here.call('endSessions', {}, 200)).body.ended, 1)
  await isOut(here)
})

test('only the suite handles browser sessions', async () => {
  const person = await auth.newPerson()
  for (const caller of [auth.nobody, person]) {
    const status = caller === person ? 403 : 401
    await caller.call(
      'createBrowserSession',
      { body: { refresh_token: person.tokens.refresh_token } },
      status,
    )
    await caller.call('exchangeBrowserSession', { body: { secret: 'x' } }, status)
    await caller.call('endBrowserSession', { body: { secret: 'x' } }, status)
  }
})

test('a login becomes a browser session: the refresh token is used up, the secret gives access', async () => {
  const person = await auth.newPerson()
  const gateway = auth.asService()
  const body = { refresh_token: person.tokens.refresh_token }
  const made = (await gateway.call('createBrowserSession', { body }, 201)).body
  assert.equal(made.user.id, person.id)
  await gateway.call('createBrowserSession', { body }, 401)
  await auth.nobody.call('refresh', { body }, 401)

  const access = (await gateway.call('exchangeBrowserSession', { body: { secret: made.secret } }, 200)).body
  assert.equal(access.session_id, made.session_id)
  const browser = auth.with(access.access_token)
  const [session] = (await browser.call('listSessions', {}, 200)).body.items
  assert.equal(session.kind, 'browser')
  const rows = await auth.sql`select secret_hash from sessions where id = ${made.session_id}`
  assert.equal(rows[0]?.['secret_hash'].length, 32)

  await gateway.call('endBrowserSession', { body: { secret: made.secret } }, 204)
  await gateway.call('exchangeBrowserSession', { body: { secret: made.secret } }, 401)
  await isOut(browser)
})

test('a browser session ends when it is not used, and in any case', async () => {
  const gateway = auth.asService()
  const start = async () => {
    const { tokens } = await auth.newPerson()
    const body = { refresh_token: tokens.refresh_token }
    return (await gateway.call('createBrowserSession', { body }, 201)).body.secret as string
  }
  const exchange = async (secret: string) =>
    (await gateway.call('exchangeBrowserSession', { body: { secret } })).status
  const idle = await start()
  auth.advance(10 * day)
  assert.equal(await exchange(idle), 401)
  const busy = await start()
  for (let i = 0; i < 3; i++) {
    auth.advance(9.9 * day)
    assert.equal(await exchange(busy), 200)
  }
  auth.advance(day)
  assert.equal(await exchange(busy), 401)
})
