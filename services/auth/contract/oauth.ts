import { Page, PageOf, T, Timestamp, del, get, named, nullable, post } from '@ait/kit/contract'
import { LoginResult, Token, tokenPairExample } from './schemas.ts'

const Provider = T.Object({ provider: T.String({ pattern: '^[a-z0-9][a-z0-9-]{0,31}$' }) })
const ReturnTo = T.String({
  maxLength: 500,
  // Browsers take a backslash for a slash and leave tabs and line breaks out: `/\t/evil.example`.
  pattern: '^/(?!/)[!-\\[\\]-~]*$',
  description: 'Path of the web workspace to end at',
})

const Identity = named(
  'Identity',
  T.Object({
    provider: T.String(),
    name: T.String(),
    email: nullable(T.String()),
    created_at: Timestamp,
    last_used_at: Timestamp,
  }),
)

/** Signing in with Google, Microsoft or any other OpenID provider. */
export const oauthOperations = {
  startOauth: get('/oauth/:provider', {
    summary: 'Go to a provider to sign in',
    description: 'Redirects with state, nonce and PKCE. 503 while the provider is not configured.',
    allow: 'public',
    params: Provider,
    query: T.Object({ return_to: T.Optional(ReturnTo) }),
    302: T.Void(),
    example: { params: { provider: 'google' } },
  }),
  finishOauth: get('/oauth/:provider/callback', {
    summary: 'Come back from a provider',
    description:
      'Redirects to the web workspace with a one-time code (`#code=`) or the reason why not (`#error=`).',
    allow: 'public',
    params: Provider,
    query: T.Object({}, { additionalProperties: true }),
    302: T.Void(),
    example: { params: { provider: 'google' } },
  }),
  completeOauth: post('/oauth/complete', {
    summary: 'Exchange the one-time code for tokens',
    description: 'From the browser that set out: its cookie of the callback has to come along.',
    allow: 'public',
    body: T.Object({ code: Token }),
    200: LoginResult,
    transaction: 'manual',
    example: { body: { code: 'Zk3v8m2Q' }, response: tokenPairExample },
  }),
  linkIdentity: post('/identities/:provider', {
    summary: 'Begin linking a provider to the account',
    description: 'Answers the address to send the browser to.',
    allow: 'user',
    params: Provider,
    body: T.Object({ return_to: T.Optional(ReturnTo) }),
    200: T.Object({ url: T.String() }),
    example: {
      params: { provider: 'google' },
      body: {},
      response: { url: 'https://accounts.google.com/o/oauth2/v2/auth' },
    },
  }),
  listIdentities: get('/identities', {
    summary: 'Providers linked to the account',
    allow: 'user',
    query: Page(),
    200: PageOf(Identity),
    example: {},
  }),
  unlinkIdentity: del('/identities/:provider', {
    summary: 'Unlink a provider',
    description: 'Refused (409) when it is the only way left to sign in.',
    allow: 'user',
    params: Provider,
    204: T.Void(),
    example: { params: { provider: 'google' } },
  }),
}
