import { Email, T, get, named, post } from '@ait/kit/contract'
import {
  Accepted,
  FullName,
  Locale,
  LoginResult,
  NewPassword,
  PasskeyAnswer,
  PasskeyOptions,
  Password,
  TimeZone,
  Token,
  TokenPair,
  User,
  acceptedExample,
  passkeyOptionsExample,
  secondFactor,
  tokenPairExample,
  userExample,
} from './schemas.ts'

const SignInOptions = named(
  'SignInOptions',
  T.Object({
    registration: T.Enum(['open', 'invitation', 'domain', 'closed']),
    email_verification: T.Enum(['off', 'required']),
    providers: T.Array(T.Object({ id: T.String(), name: T.String(), url: T.String() })),
    setup_required: T.Boolean({ description: 'No administrator exists yet: use the setup link' }),
  }),
)

/** Registering, signing in and out. Everything here is open to people without a session, logout apart. */
export const signInOperations = {
  getSignInOptions: get('/options', {
    summary: 'What a sign-in page may offer',
    allow: 'public',
    200: SignInOptions,
    example: {
      response: {
        registration: 'open',
        email_verification: 'off',
        providers: [{ id: 'google', name: 'Google', url: '/api/v1/auth/oauth/google' }],
        setup_required: false,
      },
    },
  }),
  register: post('/register', {
    summary: 'Register',
    description:
      'Gives the role `user`; another role is 403 unless an administrator or a service asks. While e-mail verification is required the answer is 202 for every address, taken or not, and the account exists once the mailed link is followed.',
    allow: 'public',
    body: T.Object({
      email: Email,
      password: NewPassword,
      full_name: FullName,
      role: T.Optional(T.Enum(['admin', 'user', 'guest', 'service'])),
      locale: T.Optional(Locale),
      time_zone: T.Optional(TimeZone),
      invitation_token: T.Optional(Token),
    }),
    201: User,
    202: Accepted,
    transaction: 'manual',
    example: {
      body: { email: 'user@example.com', password: 'SecurePass123!', full_name: 'Juan Pérez', role: 'user' },
      response: userExample,
    },
  }),
  login: post('/login', {
    summary: 'Sign in with e-mail and password',
    description:
      'Answers `mfa_required` when the account has a second factor. 401 in the same time whether the address is unknown or the password wrong; 429 with `Retry-After` after too many failures, growing, never for ever.',
    allow: 'public',
    body: T.Object({ email: T.String({ maxLength: 254 }), password: Password }),
    200: LoginResult,
    transaction: 'manual',
    example: { body: { email: 'user@example.com', password: 'SecurePass123!' }, response: tokenPairExample },
  }),
  loginMfa: post('/login/mfa', {
    summary: 'Finish signing in with the second factor',
    allow: 'public',
    body: T.Object({ mfa_token: Token, ...secondFactor }),
    200: TokenPair,
    transaction: 'manual',
    example: { body: { mfa_token: 'fJ3kq0', code: '287082' }, response: tokenPairExample },
  }),
  startPasskeyLogin: post('/login/passkey/options', {
    summary: 'Begin signing in with a passkey',
    description:
      'With `mfa_token` it asks for a passkey of that account as the second factor; without, for any.',
    allow: 'public',
    body: T.Object({ mfa_token: T.Optional(Token) }),
    200: PasskeyOptions,
    example: { body: {}, response: passkeyOptionsExample },
  }),
  loginPasskey: post('/login/passkey', {
    summary: 'Sign in with a passkey instead of a password',
    allow: 'public',
    body: PasskeyAnswer,
    200: TokenPair,
    transaction: 'manual',
    example: { body: { challenge_token: 'Zk3v8m2Q', response: { id: 'AQID' } }, response: tokenPairExample },
  }),
  refresh: post('/refresh', {
    summary: 'Exchange a refresh token for new tokens',
    description:
      'A refresh token is good once. One that comes back ends its whole session, except within a few seconds from the same device, which then gets the same successor again.',
    allow: 'public',
    body: T.Object({ refresh_token: Token }),
    200: TokenPair,
    transaction: 'manual',
    example: { body: { refresh_token: tokenPairExample.refresh_token }, response: tokenPairExample },
  }),
  logout: post('/logout', {
    summary: 'Sign out: ends the session everywhere',
    allow: 'user',
    204: T.Void(),
    example: {},
  }),
  verifyEmail: post('/verify-email', {
    summary: 'Confirm an address by the mailed link',
    allow: 'public',
    body: T.Object({ token: Token }),
    200: T.Object({ email: Email }),
    example: { body: { token: 'Zk3v8m2Q' }, response: { email: 'user@example.com' } },
  }),
  resendVerification: post('/verify-email/resend', {
    summary: 'Send the confirmation again',
    description: 'The same answer whether or not there is anything to confirm.',
    allow: 'public',
    body: T.Object({ email: Email }),
    202: Accepted,
    transaction: 'manual',
    example: { body: { email: 'user@example.com' }, response: acceptedExample },
  }),
  forgotPassword: post('/password/forgot', {
    summary: 'Ask for a link to set a new password',
    description: 'The same answer in the same time whether or not the account exists.',
    allow: 'public',
    body: T.Object({ email: Email }),
    202: Accepted,
    transaction: 'manual',
    example: { body: { email: 'user@example.com' }, response: acceptedExample },
  }),
  resetPassword: post('/password/reset', {
    summary: 'Set a new password by the mailed link',
    description: 'Ends every session. A second factor is still asked for at the next login.',
    allow: 'public',
    body: T.Object({ token: Token, password: NewPassword }),
    204: T.Void(),
    transaction: 'manual',
    example: { body: { token: 'Zk3v8m2Q', password: 'tres tristes tigres' } },
  }),
  getSetupPage: get('/setup', {
    summary: 'The page where the one-time setup link leads',
    allow: 'public',
    200: T.String(),
    produces: 'text/html',
    example: {},
  }),
  setup: post('/setup', {
    summary: 'Create the first administrator by the one-time setup link',
    allow: 'public',
    body: T.Object({ token: Token, email: Email, password: NewPassword, full_name: FullName }),
    201: User,
    transaction: 'manual',
    example: {
      body: {
        token: 'Zk3v8m2Q',
        email: 'admin@example.com',
        password: 'tres tristes tigres',
        full_name: 'Admin',
      },
      response: { ...userExample, role: 'admin' },
    },
  }),
}
