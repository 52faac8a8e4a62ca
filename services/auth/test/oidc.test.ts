import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createHash } from 'node:crypto'
import { LoginRejected, ProviderUnavailable, createOidcClient, type OidcClient } from '../oauth/oidc.ts'
import { readProviders, type OidcProvider } from '../oauth/providers.ts'
import { startFakeProvider, type FakeProvider } from './support/oidc-provider.ts'

const REDIRECT = 'https://suite.example.com/api/v1/auth/oauth/fake/callback'
const none = {
  googleClientId: '',
  googleClientSecret: '',
  microsoftClientId: '',
  microsoftClientSecret: '',
  microsoftTenant: 'common',
  others: '',
}

let provider: FakeProvider
let settings: OidcProvider
let client: OidcClient
before(async () => {
  provider = await startFakeProvider({ clientId: 'suite', clientSecret: 's3cret' })
  const others = JSON.stringify([
    { id: 'fake', name: 'Fake', issuer: provider.issuer, client_id: 'suite', client_secret: 's3cret' },
  ])
  settings = readProviders({ ...none, others }).get('fake')!
  client = createOidcClient(settings)
})
after(() => provider.close())

async function signIn(claims: Record<string, unknown>, by = client) {
  const started = await by.start(REDIRECT)
  provider.claims = claims
  return { started, back: provider.authorize(started.url) }
}

test('a login carries state, nonce and PKCE, and ends with verified claims', async () => {
  const claims = { sub: '42', email: 'ann@example.com', email_verified: true, name: 'Ann', locale: 'es' }
  const { started, back } = await signIn(claims)
  const asked = new URL(started.url).searchParams
  assert.equal(asked.get('state'), started.state)
  assert.equal(asked.get('nonce'), started.nonce)
  assert.equal(asked.get('code_challenge_method'), 'S256')
  assert.equal(
    asked.get('code_challenge'),
    createHash('sha256').update(started.codeVerifier).digest('base64url'),
  )
  assert.equal(asked.get('redirect_uri'), REDIRECT)
  assert.deepEqual(await client.finish(back, started), {
    provider: 'fake',
    subject: '42',
    email: 'ann@example.com',
    emailVerified: true,
    name: 'Ann',
    picture: undefined,
    locale: 'es',
  })
})

async function verified(claims: Record<string, unknown>, by = client) {
  const { started, back } = await signIn({ sub: '42', email: 'ann@example.com', ...claims }, by)
  return (await by.finish(back, started)).emailVerified
}

test('an address counts as verified only when the provider says so', async () => {
  assert.equal(await verified({}), false)
  assert.equal(await verified({ email_verified: false }), false)
  assert.equal(await verified({ email_verified: 'true' }), false)
  assert.equal(await verified({ xms_edov: true }), true)
  assert.equal(await verified({}, createOidcClient({ ...settings, trustEmail: true })), true)
})

for (const [what, spoil] of [
  ['another state', (back: URL) => back.searchParams.set('state', 'other')],
  ['an unknown code', (back: URL) => back.searchParams.set('code', 'other')],
  [
    'a refusal',
    (back: URL) => (back.searchParams.delete('code'), back.searchParams.set('error', 'access_denied')),
  ],
] as const)
  test(`an answer with ${what} is rejected`, async () => {
    const { started, back } = await signIn({ sub: '42' })
    spoil(back)
    await assert.rejects(client.finish(back, started), LoginRejected)
  })

test("another login's nonce or verifier is rejected", async () => {
  const other = await client.start(REDIRECT)
  const first = await signIn({ sub: '42' })
  await assert.rejects(client.finish(first.back, { ...first.started, nonce: other.nonce }), LoginRejected)
  const second = await signIn({ sub: '42' })
  const mixed = { ...second.started, codeVerifier: other.codeVerifier }
  await assert.rejects(client.finish(second.back, mixed), LoginRejected)
})

test('a provider that is down is reported as such, and tried again when it is back', async () => {
  const down = createOidcClient({ ...settings, issuer: 'http://127.0.0.1:1' })
  await assert.rejects(down.start(REDIRECT), ProviderUnavailable)
  await assert.rejects(down.start(REDIRECT), ProviderUnavailable)
})

test('providers come from the settings, and a malformed list says so', () => {
  assert.equal(readProviders(none).size, 0)
  const both = readProviders({
    ...none,
    googleClientId: 'g',
    microsoftClientId: 'm',
    microsoftTenant: 'contoso',
  })
  assert.equal(both.get('google')?.issuer, 'https://accounts.google.com')
  assert.equal(both.get('microsoft')?.issuer, 'https://login.microsoftonline.com/contoso/v2.0')
  assert.throws(() => readProviders({ ...none, others: '{' }), /OAUTH_PROVIDERS is not valid JSON/)
  assert.throws(() => readProviders({ ...none, others: '{}' }), /must be a JSON list/)
  assert.throws(() => readProviders({ ...none, others: '[{"id":"UP"}]' }), /OAUTH_PROVIDERS\[0\]/)
})
