import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, type ServiceRuntime } from '@ait/kit'
import { personaPassword, personas } from '@ait/testing'
import { ensureAdmin } from '../accounts/first-admin.ts'
import { createKeyRing } from '../keys/ring.ts'
import { createSealer } from '../domain/sealing.ts'
import { seed } from '../seed.ts'
import { password, startAuth } from './support/auth.ts'

const none = { ADMIN_EMAIL: '', ADMIN_PASSWORD: '' }

/** The one-time link that a start printed. */
async function printedLink(runtime: ServiceRuntime, deps: any): Promise<string> {
  let printed = ''
  const log = { ...runtime.log, warn: ({ link }: { link: string }) => void (printed = link) }
  await ensureAdmin({ ...runtime, log } as never, deps)
  return printed
}

test('the first start creates the administrator of the environment, once', async (t) => {
  const auth = await startAuth()
  t.after(() => auth.stop())
  const admin = await auth.admin()
  const me = (await admin.call('getMe', {}, 200)).body
  assert.deepEqual([me.role, me.email_verified], ['admin', true])
  await ensureAdmin(auth.service.runtime as never, auth.service.deps)
  assert.equal((await auth.events('auth.user.registered.v1')).length, 1)
})

test('a password that is easy to guess refuses to start, naming the variable', async () => {
  const start = startAuth({ ADMIN_EMAIL: 'a@example.com', ADMIN_PASSWORD: 'password1' })
  await assert.rejects(
    start,
    (error) => error instanceof ConfigError && error.message.startsWith('ADMIN_PASSWORD: '),
  )
  await assert.rejects(startAuth({ REGISTRATION: 'everybody' }), /REGISTRATION/)
  await assert.rejects(startAuth({ OAUTH_PROVIDERS: '{' }), /OAUTH_PROVIDERS/)
})

test('without it a one-time link makes the first administrator; the next start makes a new link', async (t) => {
  const auth = await startAuth(none)
  t.after(() => auth.stop())
  assert.equal((await auth.nobody.call('getSignInOptions', {}, 200)).body.setup_required, true)
  const body = { email: 'root@example.com', password, full_name: 'Root' }
  await auth.nobody.call('setup', { body: { ...body, token: 'guess' } }, 400)
  const former = (await printedLink(auth.service.runtime, auth.service.deps)).split('#token=')[1]
  const link = await printedLink(auth.service.runtime, auth.service.deps)
  assert.match(link, /^http:\/\/localhost:8001\/api\/v1\/auth\/setup#token=[\w-]{43}$/)
  const token = link.split('#token=')[1]
  await auth.nobody.call('setup', { body: { ...body, token: former } }, 400)
  await auth.nobody.call('setup', { body: { ...body, token, password: 'password1' } }, 422)
  const page = await auth.nobody.call('getSetupPage', {}, 200)
  assert.match(String(page.headers['content-type']), /^text\/html/)
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
  const made = (await auth.nobody.call('setup', { body: { ...body, token } }, 201)).body
  assert.equal(made.role, 'admin')
  await auth.nobody.call('setup', { body: { ...body, email: 'two@example.com', token } }, 400)
  assert.equal((await auth.nobody.call('getSignInOptions', {}, 200)).body.setup_required, false)
  assert.equal(await printedLink(auth.service.runtime, auth.service.deps), '')
})

test('keys rotate by the job; what the former one signed still verifies', async (t) => {
  const auth = await startAuth({ AUTH_KEY_SIGN_DAYS: '2' })
  t.after(() => auth.stop())
  const states = async () =>
    (await auth.sql`select state from signing_keys order by state`).map((row) => row['state'])
  assert.deepEqual(await states(), ['current', 'next'])
  const { keys } = auth.service.deps
  const before = (await keys.current()).kid
  await keys.rotate()
  assert.equal((await keys.current()).kid, before, 'nothing was due')
  auth.advance(2 * 86_400_000 - 60_000)
  const person = await auth.newPerson()
  auth.advance(60_000)
  await keys.rotate()
  assert.notEqual((await keys.current()).kid, before)
  assert.deepEqual(await states(), ['current', 'next', 'retired'])
  await person.call('getMe', {}, 200)
  await (await auth.signIn(person.email)).call('getMe', {}, 200)
  auth.advance(3_600_000)
  await keys.rotate()
  assert.deepEqual(await states(), ['current', 'next'])
})

test('replicas that start at once make one current key', async (t) => {
  const auth = await startAuth()
  t.after(() => auth.stop())
  await auth.sql`delete from signing_keys`
  await Promise.all([1, 2, 3].map(() => auth.service.deps.keys.rotate()))
  assert.equal((await auth.sql`select 1 from signing_keys`).length, 2)
})

test('after a change of JWT_SECRET_KEY another key signs, and the former still verifies', async (t) => {
  const auth = await startAuth()
  t.after(() => auth.stop())
  const { sql, now, log } = auth.service.runtime
  const rules = { signMs: 1e9, publishMs: 1e6, keepMs: 1e6 }
  const sealer = createSealer(['another secret of this installation'], 'signing-keys')
  const former = (await auth.service.deps.keys.current()).kid
  const ring = createKeyRing({ sql, now, log, sealer, rules })
  await ring.rotate()
  assert.notEqual((await ring.current()).kid, former)
  assert.ok((await ring.published()).keys.some((key) => key.kid === former))
})

test('the seed makes the personas, again and again the same', async (t) => {
  const auth = await startAuth(none)
  t.after(() => auth.stop())
  const { runtime, deps } = auth.service
  await seed(runtime as never, deps)
  await seed(runtime as never, deps)
  const ann = await auth.signIn(personas.ann.email, personaPassword)
  assert.equal(ann.id, personas.ann.id)
  assert.deepEqual((await ann.call('getMe', {}, 200)).body.groups, ['brokers'])
  const production = { ...runtime, config: { ...runtime.config, NODE_ENV: 'production' } }
  await assert.rejects(seed(production as never, deps), /not for production/)
})

test('the hourly clean-up keeps what is in use', async (t) => {
  const auth = await startAuth({ AUTH_SESSION_IDLE_DAYS: '10' })
  t.after(() => auth.stop())
  const person = await auth.newPerson()
  await person.call('logout', {}, 204)
  const other = await auth.signIn(person.email)
  await auth.nobody.call('login', { body: { email: 'ghost@example.com', password } }, 401)
  const clean = auth.service.manifest.jobs?.find((job) => job.name === 'clean-up')
  const { sql, now, config } = auth.service.runtime
  const count = async () => {
    const [row] = await sql`
      select (select count(*)::int from sessions) as sessions, (select count(*)::int from refresh_tokens) as tokens,
        (select count(*)::int from failure_counters where failures > 0) as counters`
    return row
  }
  const run = () =>
    clean?.handler({ id: '', data: {}, signal: AbortSignal.timeout(5000) }, { sql, now, config } as never)
  const found = await count()
  await run()
  assert.deepEqual(await count(), found)
  await other.call('getMe', {}, 200)
  auth.advance(10 * 86_400_000)
  await run()
  assert.deepEqual(
    await count(),
    { sessions: 1, tokens: 0, counters: 0 },
    'the ended session stays for the audit',
  )
})
