import { Email, Id, T, Timestamp, Version, named, nullable } from '@ait/kit/contract'

export const uuid = '01890a5d-ac96-774b-bcce-b302099a8057'

export const Password = T.String({
  minLength: 1,
  maxLength: 1024,
  description: 'At least 8 characters when chosen',
})
export const NewPassword = T.String({
  minLength: 8,
  maxLength: 256,
  description: '8 to 256 characters, hard to guess',
})
export const FullName = T.String({ minLength: 1, maxLength: 200, pattern: '\\S' })
/** Long enough for every token this service hands out. */
export const Token = T.String({ minLength: 1, maxLength: 2048 })
export const Role = T.Enum(['admin', 'user', 'guest'])
export const Locale = T.String({
  pattern: '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$',
  maxLength: 35,
  description: 'BCP 47 language tag',
})
export const TimeZone = T.String({ minLength: 1, maxLength: 64, description: 'IANA time zone' })
export const GroupName = T.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', description: 'Lasting short name' })
export const Permission = T.String({
  pattern: '^[a-z][a-z0-9-]*\\.[a-z][a-z0-9_.-]*$',
  maxLength: 100,
  description: 'Such as hr.manage',
})
export const Scope = T.String({
  pattern: '^(\\*|read|write|[a-z][a-z0-9-]*:(read|write|\\*))$',
  description: '`*`, `read`, `write`, or of one service: `storage:read`, `storage:*`',
})

export const User = named(
  'User',
  T.Object({
    id: Id,
    email: Email,
    email_verified: T.Boolean(),
    full_name: T.String(),
    role: Role,
    locale: T.String(),
    time_zone: T.String(),
    avatar_url: nullable(T.String()),
    groups: T.Array(T.String()),
    permissions: T.Array(T.String()),
    mfa_enabled: T.Boolean(),
    disabled: T.Boolean(),
    last_login_at: nullable(Timestamp),
    created_at: Timestamp,
    version: Version,
  }),
)

export const userExample = {
  id: uuid,
  email: 'user@example.com',
  email_verified: false,
  full_name: 'Juan Pérez',
  role: 'user',
  locale: 'es',
  time_zone: 'Europe/Madrid',
  avatar_url: null,
  groups: ['brokers'],
  permissions: [],
  mfa_enabled: false,
  disabled: false,
  last_login_at: null,
  created_at: '2026-01-28T10:00:00.000Z',
  version: 1,
}

/** What everybody may know of everybody: enough to choose whom to share with. */
export const DirectoryEntry = named(
  'DirectoryEntry',
  T.Object({ id: Id, full_name: T.String(), email: Email, avatar_url: nullable(T.String()) }),
)

export const TokenPair = named(
  'TokenPair',
  T.Object({
    access_token: T.String({ description: 'ES256 JWT (RFC 9068), 15 minutes at most' }),
    refresh_token: T.String({ description: 'Opaque; good once' }),
    token_type: T.Literal('bearer'),
    expires_in: T.Integer({ description: 'Seconds until the access token expires' }),
  }),
)

export const tokenPairExample = {
  access_token: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln',
  refresh_token: 'hOHC2NnS1WQ4a8jL6LQm0Xb0v2fWq1rYt0Zc3eUo5sI',
  token_type: 'bearer' as const,
  expires_in: 900,
}

export const FactorMethod = T.Enum(['totp', 'passkey', 'recovery_code'])

export const MfaChallenge = named(
  'MfaChallenge',
  T.Object({
    mfa_required: T.Literal(true),
    mfa_token: T.String({ description: 'Good for five minutes at POST /login/mfa' }),
    methods: T.Array(FactorMethod),
    expires_in: T.Integer(),
  }),
)

/** What a password, a passkey or a provider's login earns: tokens, or the demand for a second factor. */
export const LoginResult = T.Union([TokenPair, MfaChallenge])

export const PasskeyAnswer = T.Object(
  {
    challenge_token: Token,
    response: T.Record(T.String(), T.Unknown(), {
      description: 'PublicKeyCredential.toJSON() of the browser',
    }),
  },
  { description: 'Answer to the options of a passkey ceremony' },
)

/** One of these proves the second factor. */
export const secondFactor = {
  code: T.Optional(T.String({ maxLength: 20, description: 'Six digits of the authenticator app' })),
  recovery_code: T.Optional(T.String({ maxLength: 40, description: 'One of the ten codes; used up by it' })),
  passkey: T.Optional(PasskeyAnswer),
}

export const RecoveryCodes = T.Object({
  recovery_codes: T.Array(T.String(), { description: 'Ten codes, shown this once; each good once' }),
})
export const recoveryCodesExample = { recovery_codes: ['7k2mf-9x0qd', 'a4t8w-1zc5r'] }

/** Options for the browser's WebAuthn call, and the token to send its answer back with. */
export const PasskeyOptions = T.Object({
  challenge_token: T.String(),
  options: T.Record(T.String(), T.Unknown(), { description: 'For navigator.credentials.create() or .get()' }),
})
export const passkeyOptionsExample = {
  challenge_token: 'Zk3v8m2Q',
  options: { challenge: 'c2FtcGxl', rpId: 'localhost', userVerification: 'required' },
}

export const Accepted = T.Object({ status: T.Literal('accepted') })
export const acceptedExample = { status: 'accepted' as const }
export const ById = T.Object({ id: Id })
export const byIdExample = { id: uuid }
