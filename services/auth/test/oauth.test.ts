import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startAuth, type AuthService, type Person } from './support/auth.ts'
import { startFakeProvider, type FakeProvider } from './support/oidc-provider.ts'
import { enableTotp } from './support/totp.ts'

let auth: AuthService
let provider: FakeProvider
before(async () => {
  provider = await startFakeProvider({ clientId: 'suite', clientSecret: 's3cret' })
  const fake = {
    id: 'fake',
    name: 'Fake',
    issuer: provider.issuer,
    client_id: 'suite',
    client_secret: 's3cret',
  }
  const down = { ...fake, id: 'down', name: 'Down', issuer: 'http://127.0.0.1:1' }
  auth = await startAuth({ OAUTH_PROVIDERS: JSON.stringify([fake, down]) })
})
after(async () => {
  await auth.stop()
  await provider.close()
})

const params = { provider: 'fake' }
const fragment = (location: string) =>
  Object.fromEntries(new URLSearchParams(new URL(location).hash.slice(1)))

/** Goes to the provider and comes back as the browser does; what the page at the end finds. */
async function comeBack(claims: Record<string, unknown>, start?: { url: string; cookie: string }) {
  const started = start ?? (await setOut())
  provider.claims = claims
  const back = provider.authorize(started.url)
  const answer = await auth.nobody.call(
    'finishOauth',
    { params, query: Object.fromEntries(back.searchParams), headers: { cookie: started.cookie } },
    302,
  )
  return { result: fragment(answer.headers['location']), cookie: started.cookie }
}
type ComeBack = Awaited<ReturnType<typeof comeBack>>

const signInBy = async (...given: Parameters<typeof comeBack>) => (await comeBack(...given)).result

async function setOut(query = {}) {
  const answer = await auth.nobody.call('startOauth', { params, query }, 302)
  return { url: answer.headers['location'] as string, cookie: cookieOf(answer.headers['set-cookie']) }
}

const cookieOf = (header: string) => header.split(';')[0] as string

/** With the cookie that the browser still has. */
const exchange = ({ result: { code }, cookie }: ComeBack, expected: number) =>
  auth.nobody.call('completeOauth', { body: { code }, headers: { cookie } }, expected)

async function complete(back: ComeBack): Promise<Person> {
  const tokens = (await exchange(back, 200)).body
  const caller = auth.with(tokens.access_token)
  const me = (await caller.call('getMe', {}, 200)).body
  return { ...caller, id: me.id, email: me.email, tokens }
}

const verified = (name: string) => ({
  sub: `sub-${name}`,
  email: `${name}@example.net`,
  email_verified: true,
  name,
})

async function verifiedPerson(name: string) {
  const person = await auth.newPerson(name)
  await auth.sql`update users set email_verified_at = now(), email = ${`${name}@example.net`} where id = ${person.id}`
  return person
}

test('the guide: Google is a 503 that says what is missing, an unknown provider a 404', async () => {
  const google = await auth.nobody.call('startOauth', { params: { provider: 'google' } }, 503)
  assert.equal(google.body.code, 'provider_not_configured')
  assert.match(google.body.detail, /Google is not configured: set OAUTH_GOOGLE_CLIENT_ID/)
  await auth.nobody.call('startOauth', { params: { provider: 'unknown' } }, 404)
  await auth.nobody.call('startOauth', { params: { provider: 'down' } }, 503)
  const options = (await auth.nobody.call('getSignInOptions', {}, 200)).body
  assert.deepEqual(options.providers[0], { id: 'fake', name: 'Fake', url: '/api/v1/auth/oauth/fake' })
  assert.equal(options.setup_required, false)
})

test('a stranger links and unlinks nothing', async () => {
  await auth.nobody.call('linkIdentity', { params, body: {} }, 401)
  await auth.nobody.call('listIdentities', {}, 401)
  await auth.nobody.call('unlinkIdentity', { params }, 401)
  await auth.nobody.call('completeOauth', { body: { code: 'unknown' } }, 401)
})

test('the redirect carries state, nonce and PKCE, and a cookie that binds the browser', async () => {
  const answer = await auth.nobody.call('startOauth', { params }, 302)
  const asked = new URL(answer.headers['location']).searchParams
  for (const name of ['state', 'nonce', 'code_challenge'])
    assert.ok((asked.get(name) ?? '').length >= 40, name)
  assert.equal(asked.get('redirect_uri'), 'http://localhost:8001/api/v1/auth/oauth/fake/callback')
  assert.match(
    answer.headers['set-cookie'],
    /^ait_oauth=[\w-]{43}; Path=\/api\/v1\/auth\/oauth; Max-Age=600; HttpOnly; SameSite=Lax$/,
  )
})

test('somebody new is registered, and signed in again the next time', async () => {
  const back = await comeBack(verified('nina'))
  const person = await complete(back)
  const me = (await person.call('getMe', {}, 200)).body
  assert.deepEqual(
    [me.email, me.full_name, me.email_verified, me.role],
    ['nina@example.net', 'nina', true, 'user'],
  )
  assert.equal((await auth.events('auth.user.registered.v1')).at(-1).id, person.id)
  await exchange(back, 401)
  const again = await complete(await comeBack({ ...verified('nina'), email: 'renamed@example.net' }))
  assert.equal(again.id, person.id)
  const identities = (await person.call('listIdentities', {}, 200)).body.items
  assert.deepEqual(
    identities.map((one: any) => [one.provider, one.name, one.email]),
    [['fake', 'Fake', 'renamed@example.net']],
  )
})

test('an account with the same proved address is linked; one with an unproved address is not', async () => {
  const olga = await verifiedPerson('olga')
  const signedIn = await complete(await comeBack(verified('olga')))
  assert.equal(signedIn.id, olga.id)
  const paul = await auth.newPerson('paul')
  await auth.sql`update users set email = 'paul@example.net' where id = ${paul.id}`
  assert.deepEqual(await signInBy(verified('paul')), { error: 'sign_in_with_password_first' })
  await verifiedPerson('rita')
  const unproved = { ...verified('rita'), email_verified: false }
  assert.deepEqual(await signInBy(unproved), { error: 'email_not_verified_by_provider' })
})

test('a second factor is asked for here as well', async () => {
  const person = await verifiedPerson('sara')
  await enableTotp(auth, person)
  const half = (await exchange(await comeBack(verified('sara')), 200)).body
  assert.equal(half.mfa_required, true)
})

test('a disabled account stays out', async () => {
  const person = await complete(await comeBack(verified('tim')))
  await (
    await auth.admin()
  ).call('updateAccount', { params: { id: person.id }, body: { disabled: true } }, 200)
  assert.deepEqual(await signInBy(verified('tim')), { error: 'account_disabled' })
})

test('another browser, a second return and a forged state lead nowhere', async () => {
  const started = await setOut()
  provider.claims = verified('una')
  const query = Object.fromEntries(provider.authorize(started.url).searchParams)
  const finish = async (cookie: string, change = {}) => {
    const answer = await auth.nobody.call(
      'finishOauth',
      { params, query: { ...query, ...change }, headers: { cookie } },
      302,
    )
    return fragment(answer.headers['location'])
  }
  assert.deepEqual(await finish(started.cookie, { state: 'forged' }), { error: 'login_expired' })
  const { cookie: others } = await setOut()
  assert.deepEqual(await finish(others), { error: 'login_expired' })
  assert.deepEqual(await finish(started.cookie), { error: 'login_expired' }, 'used up by the attempt')
  const rows = await auth.sql`select 1 from users where email = 'una@example.net'`
  assert.equal(rows.length, 0)
})

test('the code is good in the browser that set out only, or anybody could sign others in as themselves', async () => {
  const { result } = await comeBack(verified('xena'))
  await exchange({ result, cookie: '' }, 401)
  const mine = await comeBack(verified('xena'))
  await exchange({ ...mine, cookie: (await setOut()).cookie }, 401)
  const answer = await exchange(mine, 200)
  assert.match(answer.headers['set-cookie'], /^ait_oauth=; .*Max-Age=0/)
})

test('the way back leads inside the workspace only', async () => {
  const started = await setOut({ return_to: '/tasks?x=1' })
  const result = await signInBy(verified('vera'), started)
  assert.equal(result['return_to'], '/tasks?x=1')
  const tricks = ['/\\evil.example', '/\t/evil.example', '/\n/evil.example', '/x\r\ny', '/日本', '/a b']
  for (const return_to of ['https://evil.example', '//evil.example', 'tasks', ...tricks])
    await auth.nobody.call('startOauth', { params, query: { return_to } }, 422)
})

test('a signed-in person links a provider, which cannot be linked twice, and unlinks it', async () => {
  const link = async (person: Person) => {
    const answer = await person.call('linkIdentity', { params, body: {} }, 200)
    return { url: answer.body.url as string, cookie: cookieOf(answer.headers['set-cookie']) }
  }
  const person = await auth.newPerson()
  const other = await auth.newPerson()
  const identity = { sub: 'sub-linked', email: 'elsewhere@example.org', email_verified: false }
  assert.deepEqual(await signInBy(identity, await link(person)), { linked: 'fake' })
  assert.deepEqual(await signInBy(identity, await link(other)), { error: 'identity_taken' })
  assert.deepEqual(await signInBy({ sub: 'sub-second' }, await link(person)), { error: 'provider_linked' })
  assert.equal((await complete(await comeBack(identity))).id, person.id)
  await person.call('unlinkIdentity', { params }, 204)
  await person.call('unlinkIdentity', { params }, 404)
  assert.deepEqual(await signInBy(identity), { error: 'email_not_verified_by_provider' })
})

test('the last way in stays', async () => {
  const person = await complete(await comeBack(verified('wanda')))
  assert.equal((await person.call('unlinkIdentity', { params }, 409)).body.code, 'last_way_in')
  await person.call('changePassword', { body: { new_password: 'tres tristes tigres' } }, 204)
  await person.call('unlinkIdentity', { params }, 204)
})
