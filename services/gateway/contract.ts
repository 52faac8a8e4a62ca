import {
  defineContract,
  del,
  get,
  Id,
  named,
  nullable,
  Page,
  PageOf,
  post,
  T,
  Timestamp,
} from '@ait/kit/contract'

const Status = T.Enum(['ok', 'down', 'absent'])

export const Health = named(
  'SuiteHealth',
  T.Object({
    status: T.Enum(['ok', 'down']),
    service: T.String(),
    version: T.String(),
    services: T.Record(
      T.String(),
      T.Object({
        status: Status,
        latency_ms: nullable(T.Number()),
        expected: T.Boolean({ description: 'Whether the suite is down when this service is' }),
        detail: T.Optional(T.String()),
      }),
    ),
  }),
)

/** State of gateway.yaml. */
export const FileState = T.Object({
  path: T.String(),
  loaded_at: nullable(Timestamp),
  fault: nullable(T.String({ description: 'Why the file as it is now is not in use' })),
})

const RouteEntry = named(
  'Route',
  T.Object({
    prefix: T.String(),
    upstream: nullable(T.String({ description: 'null: the gateway itself' })),
    access: T.Enum(['service', 'token', 'open']),
    in_process: T.Boolean(),
  }),
)

const Target = T.Object({
  url: T.String(),
  state: T.Enum(['ok', 'unhealthy', 'ejected', 'drained']),
  in_flight: T.Integer(),
  connections: T.Integer(),
  waiting: T.Integer(),
})

export const UpstreamEntry = named(
  'Upstream',
  T.Object({
    name: T.String(),
    prefix: T.String(),
    in_process: T.Boolean(),
    breaker: T.Enum(['closed', 'open', 'half_open']),
    targets: T.Array(Target),
  }),
)

const UpstreamStats = T.Object({
  upstream: T.String(),
  requests: T.Integer(),
  in_flight: T.Integer(),
  by_class: T.Record(T.String(), T.Integer()),
  mean_ms: nullable(T.Number()),
  p50_ms: nullable(T.Number()),
  p99_ms: nullable(T.Number()),
  retries: T.Integer(),
  failures: T.Integer(),
})

export const Person = named(
  'SessionPerson',
  T.Object({
    id: T.String(),
    email: T.String(),
    name: T.String(),
    role: T.Enum(['admin', 'user', 'guest']),
    groups: T.Array(T.String()),
    permissions: T.Array(T.String()),
  }),
)

const Secret = T.String({ minLength: 1, maxLength: 4096 })

const NewSession = T.Object(
  {
    email: T.Optional(T.String({ maxLength: 254 })),
    password: T.Optional(T.String({ maxLength: 1024 })),
    mfa_token: T.Optional(Secret),
    code: T.Optional(T.String({ maxLength: 20 })),
    recovery_code: T.Optional(T.String({ maxLength: 40 })),
    passkey: T.Optional(T.Record(T.String(), T.Unknown())),
    refresh_token: T.Optional(Secret),
  },
  {
    description:
      '`email` and `password`; or `mfa_token` and a second factor; or the `refresh_token` of any other login',
  },
)

const SignedIn = T.Object({
  signed_in: T.Boolean(),
  user: T.Optional(T.Record(T.String(), T.Unknown())),
  session_id: T.Optional(Id),
  expires_at: T.Optional(Timestamp),
  mfa_required: T.Optional(T.Boolean()),
  mfa_token: T.Optional(T.String()),
  methods: T.Optional(T.Array(T.String())),
})

const ByName = T.Object({ name: T.String({ maxLength: 50 }) })
const ByTarget = T.Object({
  target: T.Optional(T.String({ description: 'One address; all of them without it' })),
})

const uuid = '01890a5d-ac96-774b-bcce-b302099a8057'
const upstreamExample = {
  name: 'storage',
  prefix: '/api/v1/storage',
  in_process: false,
  breaker: 'closed' as const,
  targets: [
    { url: 'http://storage-service:8002', state: 'ok' as const, in_flight: 0, connections: 2, waiting: 0 },
  ],
}
const personExample = {
  id: uuid,
  email: 'ann@example.com',
  name: 'Ann Ferrer',
  role: 'user' as const,
  groups: ['brokers'],
  permissions: [],
}

export const contract = defineContract('gateway', {
  operations: {
    getHealth: get('~/health', {
      summary: 'State of the whole suite',
      description: '503 while a service that is expected is down.',
      allow: 'public',
      200: Health,
      example: {
        response: {
          status: 'ok',
          service: 'gateway',
          version: '0.1.0',
          services: { auth: { status: 'ok', latency_ms: 1.2, expected: true } },
        },
      },
    }),
    listRoutes: get('/routes', {
      summary: 'Where paths go',
      allow: 'admin',
      query: Page(),
      200: T.Object({ ...PageOf(RouteEntry).properties, file: FileState }),
      example: {},
    }),
    listUpstreams: get('/upstreams', {
      summary: 'What stands behind the routes, and how it is',
      allow: 'admin',
      query: Page(),
      200: T.Object({ ...PageOf(UpstreamEntry).properties, file: FileState }),
      example: {},
    }),
    drainUpstream: post('/upstreams/:name/drain', {
      summary: 'Send no new requests to an upstream, or to one of its targets',
      description: 'Those under way go on. For upstreams in the same process: 409.',
      allow: 'admin',
      params: ByName,
      body: ByTarget,
      200: UpstreamEntry,
      example: {
        params: { name: 'storage' },
        body: { target: 'http://storage-service:8002' },
        response: upstreamExample,
      },
    }),
    undrainUpstream: post('/upstreams/:name/undrain', {
      summary: 'Take it into service again',
      allow: 'admin',
      params: ByName,
      body: ByTarget,
      200: UpstreamEntry,
      example: { params: { name: 'storage' }, body: {}, response: upstreamExample },
    }),
    getStats: get('/stats', {
      summary: 'What has passed since the start',
      description: 'Quantiles are upper bounds of histogram buckets.',
      allow: 'admin',
      200: T.Object({
        started_at: Timestamp,
        tunnels: T.Integer({ description: 'Open WebSockets' }),
        cache_bytes: T.Integer(),
        upstreams: T.Array(UpstreamStats),
      }),
      example: {},
    }),
    createSession: post('/session', {
      summary: 'Sign in from a browser',
      description:
        'Sets an httpOnly cookie that stands for the session. Answers `mfa_required` and a `mfa_token` when a second factor is needed: send that with it.',
      allow: 'public',
      body: NewSession,
      200: SignedIn,
      example: {
        body: { email: 'ann@example.com', password: 'SecurePass123!' },
        response: {
          signed_in: true,
          user: personExample,
          session_id: uuid,
          expires_at: '2026-04-28T10:00:00.000Z',
        },
      },
    }),
    getSession: get('/session', {
      summary: 'Who is signed in',
      allow: 'user',
      200: Person,
      example: { response: personExample },
    }),
    deleteSession: del('/session', {
      summary: 'Sign out: ends the session everywhere and removes the cookie',
      allow: 'public',
      204: T.Void(),
      example: {},
    }),
    createTicket: post('/tickets', {
      summary: 'A ticket for one WebSocket',
      description: 'Append it as `?ticket=…`. Good once, for 60 seconds.',
      allow: 'user',
      201: T.Object({ ticket: T.String(), expires_in: T.Integer() }),
      example: { response: { ticket: 'Zk3v8m2Q', expires_in: 60 } },
    }),
  },
})
