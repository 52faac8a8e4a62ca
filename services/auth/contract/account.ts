import {
  Email,
  Id,
  Page,
  PageOf,
  T,
  Timestamp,
  del,
  get,
  named,
  nullable,
  patch,
  post,
  put,
} from '@ait/kit/contract'
import {
  Accepted,
  ById,
  FullName,
  Locale,
  NewPassword,
  PasskeyAnswer,
  PasskeyOptions,
  Password,
  RecoveryCodes,
  Scope,
  TimeZone,
  Token,
  User,
  acceptedExample,
  byIdExample,
  passkeyOptionsExample,
  recoveryCodesExample,
  secondFactor,
  userExample,
  uuid,
} from './schemas.ts'

const at = '2026-01-28T10:00:00.000Z'

export const Session = named(
  'Session',
  T.Object({
    id: Id,
    device: T.String({ description: 'Such as "Firefox on Linux"' }),
    user_agent: T.String(),
    address: nullable(T.String()),
    methods: T.Array(T.String()),
    kind: T.Enum(['tokens', 'browser']),
    current: T.Boolean(),
    started_at: Timestamp,
    last_seen_at: Timestamp,
  }),
)
const sessionExample = {
  id: uuid,
  device: 'Firefox on Linux',
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  address: '192.0.2.7',
  methods: ['password', 'totp'],
  kind: 'tokens' as const,
  current: true,
  started_at: at,
  last_seen_at: at,
}

export const Passkey = named(
  'Passkey',
  T.Object({
    id: Id,
    name: T.String(),
    backed_up: T.Boolean(),
    created_at: Timestamp,
    last_used_at: nullable(Timestamp),
  }),
)
const PasskeyName = T.String({ minLength: 1, maxLength: 100 })

export const ApiToken = named(
  'ApiToken',
  T.Object({
    id: Id,
    name: T.String(),
    hint: T.String({ description: 'How the token begins' }),
    scopes: T.Array(T.String()),
    created_at: Timestamp,
    expires_at: nullable(Timestamp),
    last_used_at: nullable(Timestamp),
  }),
)
export const NewApiToken = T.Object({
  name: T.String({ minLength: 1, maxLength: 100 }),
  scopes: T.Array(Scope, { minItems: 1, maxItems: 50, uniqueItems: true }),
  expires_at: T.Optional(nullable(Timestamp)),
})
export const CreatedApiToken = T.Object({
  ...ApiToken.properties,
  token: T.String({ description: 'Shown this once' }),
})
export const apiTokenExample = {
  id: uuid,
  name: 'Backup script',
  hint: 'ait_k3Wq',
  scopes: ['storage:read'],
  created_at: at,
  expires_at: null,
  last_used_at: null,
}

/** The signed-in person's own account. */
export const accountOperations = {
  getMe: get('/me', {
    summary: 'The signed-in person',
    allow: 'user',
    200: User,
    example: { response: userExample },
  }),
  updateMe: patch('/me', {
    summary: 'Change name, language or time zone',
    allow: 'user',
    body: T.Object({
      full_name: T.Optional(FullName),
      locale: T.Optional(Locale),
      time_zone: T.Optional(TimeZone),
    }),
    200: User,
    ifMatch: true,
    example: { body: { locale: 'es', time_zone: 'Europe/Madrid' }, response: userExample },
  }),
  putAvatar: put('/me/avatar', {
    summary: 'Set the picture: PNG, JPEG, WebP or GIF up to 512 KiB',
    allow: 'user',
    body: T.Unknown(),
    consumes: 'image/',
    bodyLimitBytes: 524_288,
    transaction: 'manual',
    200: User,
    example: { response: userExample },
  }),
  deleteAvatar: del('/me/avatar', {
    summary: 'Remove the picture',
    allow: 'user',
    204: T.Void(),
    example: {},
  }),
  changePassword: post('/me/password', {
    summary: 'Change the password',
    description: 'Ends every other session. `current_password` is needed once there is a password.',
    allow: 'user',
    body: T.Object({ current_password: T.Optional(Password), new_password: NewPassword }),
    204: T.Void(),
    transaction: 'manual',
    example: { body: { current_password: 'SecurePass123!', new_password: 'tres tristes tigres' } },
  }),
  changeEmail: post('/me/email', {
    transaction: 'manual',
    summary: 'Change the address: a link is sent to the new one',
    allow: 'user',
    body: T.Object({ email: Email }),
    202: Accepted,
    example: { body: { email: 'new@example.com' }, response: acceptedExample },
  }),
  confirmEmailChange: post('/me/email/confirm', {
    summary: 'Confirm the new address by the mailed link',
    allow: 'public',
    body: T.Object({ token: Token }),
    200: T.Object({ email: Email }),
    example: { body: { token: 'Zk3v8m2Q' }, response: { email: 'new@example.com' } },
  }),
  reauthenticate: post('/reauthenticate', {
    summary: 'Prove again who you are, before a sensitive change',
    description: 'Password (when there is one) and second factor (when there is one); or a passkey alone.',
    allow: 'user',
    body: T.Object({ password: T.Optional(Password), ...secondFactor }),
    204: T.Void(),
    transaction: 'manual',
    example: { body: { password: 'SecurePass123!', code: '287082' } },
  }),
  listSessions: get('/sessions', {
    summary: 'Sessions that are signed in',
    allow: 'user',
    query: Page(),
    200: PageOf(Session),
    example: { response: { items: [sessionExample], next_cursor: null } },
  }),
  endSession: del('/sessions/:id', {
    summary: 'End a session',
    description: 'Its access tokens stop working in every service within a second.',
    allow: 'session.end',
    params: ById,
    204: T.Void(),
    example: { params: byIdExample },
  }),
  endSessions: del('/sessions', {
    summary: 'End all sessions, or all others',
    allow: 'user',
    query: T.Object({ keep_current: T.Optional(T.Boolean()) }),
    200: T.Object({ ended: T.Integer() }),
    example: { query: { keep_current: true }, response: { ended: 2 } },
  }),
  getMfa: get('/mfa', {
    summary: 'State of the second factor',
    allow: 'user',
    200: T.Object({
      enabled: T.Boolean(),
      totp: T.Boolean(),
      passkeys: T.Integer(),
      recovery_codes_left: T.Integer(),
    }),
    example: { response: { enabled: true, totp: true, passkeys: 0, recovery_codes_left: 10 } },
  }),
  enrollMfa: post('/mfa/enroll', {
    summary: 'Begin using an authenticator app',
    description: 'Nothing changes until the first code is confirmed. 409 while one is in use.',
    allow: 'user',
    200: T.Object({
      secret: T.String(),
      otpauth_url: T.String(),
      qr_code: T.String({ description: 'SVG data URL' }),
    }),
    example: {
      response: {
        secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
        otpauth_url:
          'otpauth://totp/AIT%20Suite:user%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=AIT%20Suite',
        qr_code: 'data:image/svg+xml;base64,PHN2Zy8+',
      },
    },
  }),
  confirmMfa: post('/mfa/confirm', {
    summary: 'Confirm the authenticator app by its first code',
    description: 'Gives ten recovery codes. Needs a recent sign-in (see POST /reauthenticate).',
    allow: 'user',
    body: T.Object({ code: T.String({ maxLength: 20 }) }),
    200: RecoveryCodes,
    transaction: 'manual',
    example: { body: { code: '287082' }, response: recoveryCodesExample },
  }),
  disableMfa: post('/mfa/disable', {
    summary: 'Stop using the authenticator app',
    description: 'Needs a recent sign-in.',
    allow: 'user',
    204: T.Void(),
    example: {},
  }),
  renewRecoveryCodes: post('/mfa/recovery-codes', {
    summary: 'Replace the recovery codes',
    description: 'Needs a recent sign-in.',
    allow: 'user',
    200: RecoveryCodes,
    example: { response: recoveryCodesExample },
  }),
  listPasskeys: get('/passkeys', {
    summary: 'Passkeys of the account',
    allow: 'user',
    query: Page(),
    200: PageOf(Passkey),
    example: {},
  }),
  startPasskeyRegistration: post('/passkeys/options', {
    summary: 'Begin adding a passkey',
    description: 'Needs a recent sign-in.',
    allow: 'user',
    200: PasskeyOptions,
    example: { response: passkeyOptionsExample },
  }),
  addPasskey: post('/passkeys', {
    summary: 'Add a passkey',
    description: 'The first second factor also gives ten recovery codes.',
    allow: 'user',
    body: T.Object({ ...PasskeyAnswer.properties, name: PasskeyName }),
    201: T.Object({ ...Passkey.properties, recovery_codes: T.Optional(T.Array(T.String())) }),
    example: {
      body: { challenge_token: 'Zk3v8m2Q', response: { id: 'AQID' }, name: 'My phone' },
      response: { id: uuid, name: 'My phone', backed_up: true, created_at: at, last_used_at: null },
    },
  }),
  renamePasskey: patch('/passkeys/:id', {
    summary: 'Rename a passkey',
    allow: 'passkey.edit',
    params: ById,
    body: T.Object({ name: PasskeyName }),
    200: Passkey,
    example: { params: byIdExample, body: { name: 'Old phone' } },
  }),
  deletePasskey: del('/passkeys/:id', {
    summary: 'Remove a passkey',
    description: 'Needs a recent sign-in.',
    allow: 'passkey.edit',
    params: ById,
    204: T.Void(),
    example: { params: byIdExample },
  }),
  listTokens: get('/tokens', {
    summary: 'Personal access tokens',
    allow: 'user',
    query: Page(),
    200: PageOf(ApiToken),
    example: { response: { items: [apiTokenExample], next_cursor: null } },
  }),
  createToken: post('/tokens', {
    summary: 'Make a personal access token',
    description:
      'It begins with `ait_`, acts as you within its scopes, and is shown once. Not with such a token itself.',
    allow: 'user',
    body: NewApiToken,
    201: CreatedApiToken,
    example: {
      body: { name: 'Backup script', scopes: ['storage:read'] },
      response: { ...apiTokenExample, token: 'ait_k3Wq' },
    },
  }),
  revokeToken: del('/tokens/:id', {
    summary: 'Revoke a personal access token',
    allow: 'token.revoke',
    params: ById,
    204: T.Void(),
    example: { params: byIdExample },
  }),
}
