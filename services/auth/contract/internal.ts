import { Id, T, Timestamp, get, post } from '@ait/kit/contract'
import { Token, User, tokenPairExample, userExample, uuid } from './schemas.ts'

const Principal = T.Object(
  {
    kind: T.Enum(['user', 'service']),
    id: T.String(),
    email: T.Optional(T.String()),
    name: T.Optional(T.String()),
    role: T.Optional(T.String()),
    groups: T.Optional(T.Array(T.String())),
    permissions: T.Optional(T.Array(T.String())),
    sid: T.Optional(T.String()),
    scopes: T.Optional(T.Array(T.String())),
  },
  { description: 'A principal as the kit knows it' },
)

const PublicKey = T.Object({
  kid: T.String(),
  kty: T.String(),
  crv: T.String(),
  x: T.String(),
  y: T.String(),
  alg: T.String(),
  use: T.String(),
})

/** Verifying tokens: public keys for everybody, the rest for the suite's own services. */
export const trustOperations = {
  getJwks: get('~/.well-known/jwks.json', {
    summary: 'Public keys of the access tokens (RFC 7517)',
    allow: 'public',
    200: T.Object({ keys: T.Array(PublicKey) }),
    example: {
      response: {
        keys: [
          {
            kid: uuid,
            kty: 'EC',
            crv: 'P-256',
            alg: 'ES256',
            use: 'sig',
            x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
            y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
          },
        ],
      },
    },
  }),
  introspectToken: post('~/internal/introspect', {
    summary: 'Whom an opaque ait_… token stands for',
    allow: 'service',
    body: T.Object({ token: Token }),
    200: T.Object({ principal: T.Union([Principal, T.Null()]) }),
    transaction: 'manual',
    example: { body: { token: 'ait_k3Wq' }, response: { principal: null } },
  }),
  listRevocations: get('~/internal/revocations', {
    summary: 'Sessions and tokens that ended early (long poll)',
    description:
      'Answers at once when something ended after `after`, else waits up to 25 s; without `after` always at once. Goes back 20 minutes.',
    allow: 'service',
    query: T.Object({ after: T.Optional(T.Integer({ minimum: 0 })) }),
    200: T.Object({ items: T.Array(T.String()), cursor: T.Integer() }),
    example: { query: { after: 41 }, response: { items: [uuid], cursor: 42 } },
  }),
  introspect: post('/introspect', {
    summary: 'State of a token (RFC 7662, in JSON)',
    description:
      'For services: access, refresh and `ait_` tokens. What is not valid is only `active: false`.',
    allow: 'service',
    body: T.Object({ token: Token }),
    200: T.Object({
      active: T.Boolean(),
      sub: T.Optional(T.String()),
      username: T.Optional(T.String()),
      scope: T.Optional(T.String()),
      token_type: T.Optional(T.String()),
      sid: T.Optional(T.String()),
      exp: T.Optional(T.Integer()),
      iat: T.Optional(T.Integer()),
    }),
    transaction: 'manual',
    example: { body: { token: tokenPairExample.access_token }, response: { active: false } },
  }),
  revoke: post('/revoke', {
    summary: 'Revoke a token that you hold (RFC 7009, in JSON)',
    description:
      'A refresh or access token ends its session, an `ait_` token itself. Unknown tokens are no error.',
    allow: 'public',
    body: T.Object({ token: Token }),
    204: T.Void(),
    example: { body: { token: tokenPairExample.refresh_token } },
  }),
}

/** A browser's session: the gateway keeps an opaque secret in a cookie and asks here what it stands for. */
export const browserOperations = {
  createBrowserSession: post('~/internal/browser-sessions', {
    summary: 'Turn a fresh login into a browser session',
    description:
      'Takes the refresh token that any login answered with; it is used up. The secret goes into the cookie. Send the browser’s `User-Agent` and `X-Forwarded-For` along.',
    allow: 'service',
    body: T.Object({ refresh_token: Token }),
    201: T.Object({ secret: T.String(), session_id: Id, expires_at: Timestamp, user: User }),
    transaction: 'manual',
    example: {
      body: { refresh_token: tokenPairExample.refresh_token },
      response: {
        secret: 'Zk3v8m2Q',
        session_id: uuid,
        expires_at: '2026-04-28T10:00:00.000Z',
        user: userExample,
      },
    },
  }),
  exchangeBrowserSession: post('~/internal/browser-sessions/exchange', {
    summary: 'An access token for a browser session',
    description:
      'Keep it until shortly before `expires_in`. 401 when the session has ended: drop the cookie.',
    allow: 'service',
    body: T.Object({ secret: Token }),
    200: T.Object({ access_token: T.String(), expires_in: T.Integer(), session_id: Id }),
    transaction: 'manual',
    example: {
      body: { secret: 'Zk3v8m2Q' },
      response: { access_token: tokenPairExample.access_token, expires_in: 900, session_id: uuid },
    },
  }),
  endBrowserSession: post('~/internal/browser-sessions/end', {
    summary: 'End a browser session',
    allow: 'service',
    body: T.Object({ secret: Token }),
    204: T.Void(),
    example: { body: { secret: 'Zk3v8m2Q' } },
  }),
}
