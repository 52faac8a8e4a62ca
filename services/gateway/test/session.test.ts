import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import { until } from '@ait/testing'
import { json, newPerson, password } from '../../../tests/support/people.ts'
import { startSuite, type Suite } from '../../../tests/support/suite.ts'
import { openPool, type Contract } from '@ait/kit'
import { contract } from '../contract.ts'

let suite: Suite
before(async () => {
  suite = await startSuite('together')
})
after(() => suite.stop())

const sameOrigin = { 'sec-fetch-site': 'same-origin' }

/** Calls an operation of the gateway by its name, with a cookie when there is one. */
async function call(
  name: string,
  options: { cookie?: string; body?: unknown; headers?: Record<string, string> } = {},
) {
  const { method, path } = (contract.operations as Contract['operations'])[name] ?? assert.fail(name)
  const answer = await json(`${suite.url('gateway')}${contract.basePath}${path}`, {
    method,
    body: options.body,
    headers: { ...(options.cookie && { cookie: options.cookie }), ...options.headers },
  })
  const setCookie = answer.headers.getSetCookie()[0] ?? ''
  return { ...answer, setCookie, cookie: setCookie.split(';')[0] as string }
}

const signIn = (email: string) => call('createSession', { body: { email, password } })
const files = (cookie: string) =>
  json(`${suite.url('gateway')}/api/v1/storage/files`, { headers: { cookie } })

test('the cookie of a browser session opens every service, and nothing else learns it', async () => {
  await newPerson(suite, 'ann@example.com')
  const { status, body, setCookie, cookie } = await signIn('ann@example.com')
  assert.equal(status, 200)
  assert.equal(body.signed_in, true)
  assert.equal(body.user.email, 'ann@example.com')
  assert.match(setCookie, /^ait_session=[\w-]{20,}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/)
  assert(!JSON.stringify(body).includes(cookie.split('=')[1] as string))
  const me = await call('getSession', { cookie })
  assert.equal(me.body.email, 'ann@example.com')
  assert.equal(me.body.role, 'user')
  assert.equal((await files(cookie)).status, 200)
  assert.equal((await files('ait_session=made-up-by-somebody')).status, 401)
  assert.equal((await call('getSession')).status, 401)
})

test('a wrong password and missing fields are told as auth tells them', async () => {
  const wrong = await call('createSession', { body: { email: 'ann@example.com', password: 'not this one' } })
  assert.equal(wrong.status, 401)
  assert.equal(wrong.setCookie, '')
  const missing = await call('createSession', { body: { email: 'ann@example.com' } })
  assert.equal(missing.status, 422)
  assert.deepEqual(missing.body.errors[0].loc, ['body', 'password'])
})

test('the refresh token of another login becomes a session, once', async () => {
  const { refreshToken } = await newPerson(suite, 'bob@example.com')
  const first = await call('createSession', { body: { refresh_token: refreshToken } })
  assert.equal(first.body.user.email, 'bob@example.com')
  const again = await call('createSession', { body: { refresh_token: refreshToken } })
  assert.equal(again.status, 401)
})

test('a second factor is asked for, and finishes the sign-in', async () => {
  const { token } = await newPerson(suite, 'careful@example.com')
  const mfa = (path: string, body?: unknown) =>
    json(`${suite.url('gateway')}/api/v1/auth/mfa/${path}`, { method: 'POST', token, body })
  const { secret } = (await mfa('enroll')).body
  const { recovery_codes } = (await mfa('confirm', { code: totp(secret, Date.now()) })).body
  const first = await signIn('careful@example.com')
  assert.deepEqual([first.status, first.body.signed_in, first.body.mfa_required], [200, false, true])
  assert.equal(first.setCookie, '')
  const { mfa_token } = first.body
  const wrong = await call('createSession', { body: { mfa_token, recovery_code: 'aaaaa-aaaaa' } })
  assert.deepEqual([wrong.status, wrong.setCookie], [401, ''])
  const second = await call('createSession', { body: { mfa_token, recovery_code: recovery_codes[0] } })
  assert.equal(second.status, 200)
  assert.equal((await files(second.cookie)).status, 200)
})

/** RFC 6238 with the parameters of every authenticator app: SHA-1, 30 seconds, six digits. */
function totp(secret: string, atMs: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret].map((char) => alphabet.indexOf(char).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(atMs / 30_000)))
  const mac = createHmac('sha1', key).update(counter).digest()
  const offset = (mac.at(-1) as number) & 15
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

test('another site cannot write in the session', async () => {
  const { cookie } = await signIn('ann@example.com')
  const attempt = (headers: Record<string, string>) => call('createTicket', { cookie, headers })
  for (const headers of [
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    {},
  ] as Record<string, string>[]) {
    const { status, body } = await attempt(headers)
    assert.deepEqual([status, body.code], [403, 'cross_site'], JSON.stringify(headers))
  }
  assert.equal((await attempt(sameOrigin)).status, 201)
  assert.equal((await attempt({ origin: suite.url('gateway') })).status, 201)
})

test('signing out ends the session in every service', async () => {
  const { cookie } = await signIn('ann@example.com')
  assert.equal((await files(cookie)).status, 200)
  const out = await call('deleteSession', { cookie, headers: sameOrigin })
  assert.equal(out.status, 204)
  assert.match(out.setCookie, /^ait_session=; .*Max-Age=0/)
  assert.equal((await files(cookie)).status, 401)
  assert.equal((await call('deleteSession')).status, 204, 'without a session there is nothing to end')
})

test('why an account may not sign in is told', async () => {
  const { id } = await newPerson(suite, 'gone@example.com')
  const sql = openPool(suite.database('auth'), 1, 'test')
  await sql`update users set disabled_at = now() where id = ${id}`
  await sql.end()
  const { status, body } = await signIn('gone@example.com')
  assert.deepEqual([status, body.code], [403, 'account_disabled'])
})

test('a session that is ended elsewhere stops within a second', async () => {
  const { cookie, body } = await signIn('ann@example.com')
  const end = await json(`${suite.url('gateway')}/api/v1/auth/sessions/${body.session_id}`, {
    method: 'DELETE',
    headers: { cookie, ...sameOrigin },
  })
  assert.equal(end.status, 204)
  await until('the cookie to be refused', async () => (await files(cookie)).status === 401, 1000)
})
