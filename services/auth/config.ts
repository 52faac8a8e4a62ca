import { T, type Static } from '@ait/kit'

/** What auth reads from the environment, beside what every service reads. */
export const config = T.Object({
  ADMIN_EMAIL: T.String({ default: '', description: 'First start: address of the administrator to create' }),
  ADMIN_PASSWORD: T.String({
    default: '',
    description: 'First start: their password; without it a one-time setup link is printed',
  }),
  REGISTRATION: T.String({
    default: 'open',
    description: 'Who may register: open, invitation, domain:example.com,example.org or closed',
  }),
  AUTH_EMAIL_VERIFICATION: T.Enum(['off', 'required'], {
    default: 'off',
    description:
      '`required`: an account exists once its address is confirmed, and register tells nobody what is taken',
  }),
  AUTH_WEB_URL: T.String({
    default: 'http://localhost:3000',
    description: 'Address of the web workspace: where links in mails lead and passkeys are used',
  }),
  JWT_SECRET_KEY_PREVIOUS: T.String({
    default: '',
    description: 'The former JWT_SECRET_KEY while it is being changed: opens what was sealed under it',
  }),
  AUTH_ACCESS_TOKEN_SECONDS: T.Integer({
    default: 900,
    minimum: 30,
    maximum: 900,
    description: 'Life of an access token',
  }),
  AUTH_SESSION_IDLE_DAYS: T.Number({
    default: 30,
    exclusiveMinimum: 0,
    description: 'A session unused this long ends',
  }),
  AUTH_SESSION_MAX_DAYS: T.Number({
    default: 90,
    exclusiveMinimum: 0,
    description: 'A session ends after this, used or not',
  }),
  AUTH_REFRESH_GRACE_MS: T.Integer({
    default: 5000,
    minimum: 0,
    description: 'How long a device may repeat a refresh whose answer it missed',
  }),
  AUTH_REAUTHENTICATION_MINUTES: T.Number({
    default: 15,
    exclusiveMinimum: 0,
    description: 'Factors, address and password change only this soon after proving who one is',
  }),
  AUTH_HASH_MEMORY_KIB: T.Integer({ default: 19_456, minimum: 64, description: 'argon2id memory per hash' }),
  AUTH_HASH_PASSES: T.Integer({ default: 2, minimum: 1, description: 'argon2id passes' }),
  AUTH_HASH_CONCURRENCY: T.Integer({
    default: 2,
    minimum: 1,
    description: 'Hashes computed at once; each uses one thread',
  }),
  AUTH_HASH_QUEUE: T.Integer({
    default: 100,
    minimum: 0,
    description: 'Hashes that may wait; beyond it 503',
  }),
  AUTH_KEY_SIGN_DAYS: T.Number({
    default: 30,
    exclusiveMinimum: 0,
    description: 'How long one signing key is used',
  }),
  OAUTH_GOOGLE_CLIENT_ID: T.String({ default: '', description: 'Sign-in with Google: client id' }),
  OAUTH_GOOGLE_CLIENT_SECRET: T.String({ default: '', description: 'Sign-in with Google: client secret' }),
  OAUTH_MICROSOFT_CLIENT_ID: T.String({ default: '', description: 'Sign-in with Microsoft: client id' }),
  OAUTH_MICROSOFT_CLIENT_SECRET: T.String({
    default: '',
    description: 'Sign-in with Microsoft: client secret',
  }),
  OAUTH_MICROSOFT_TENANT: T.String({ default: 'common', description: 'Microsoft tenant id, or common' }),
  OAUTH_PROVIDERS: T.String({
    default: '',
    description:
      'Further OpenID providers: JSON list of {id, name, issuer, client_id, client_secret, scopes?, trust_email?}',
  }),
})
export type Config = Static<typeof config>
