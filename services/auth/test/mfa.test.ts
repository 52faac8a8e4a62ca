import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  mailTo,
  password,
  startAuth,
  tokenIn,
  visible,
  type AuthService,
  type Person,
} from './support/auth.ts'
import { codeAt, enableTotp } from './support/totp.ts'

let auth: AuthService
before(async () => {
  auth = await startAuth()
})
after(() => auth.stop())

const now = () => auth.service.runtime.now()
const halfLogin = async ({ email }: Person) =>
  (await auth.nobody.call('login', { body: { email, password } }, 200)).body

test('a stranger has no second factor to look at', async () => {
  for (const operation of ['getMfa', 'enrollMfa', 'disableMfa', 'renewRecoveryCodes'])
    await auth.nobody.call(operation, {}, 401)
  await auth.nobody.call('confirmMfa', { body: { code: '000000' } }, 401)
  await auth.nobody.call('reauthenticate', { body: { password } }, 401)
  await auth.nobody.call('loginMfa', { body: { mfa_token: 'unknown', code: '000000' } }, 401)
  await auth.asService().call('getMfa', {}, 403)
})

test('the guide: enroll gives a secret, an otpauth URL and a QR code, and changes nothing yet', async () => {
  const person = await auth.newPerson()
  const { body } = await person.call('enrollMfa', {}, 200)
  assert.match(body.secret, /^[A-Z2-7]{32}$/)
  assert.ok(body.otpauth_url.startsWith(`otpauth://totp/AIT%20Suite:${encodeURIComponent(person.email)}?`))
  assert.match(body.qr_code, /^data:image\/svg\+xml;base64,/)
  const [row] = await auth.sql`select sealed_secret from totp_factors where user_id = ${person.id}`
  assert.ok(!row?.['sealed_secret'].includes(body.secret), 'sealed at rest')
  await auth.signIn(person.email)
  assert.deepEqual((await person.call('getMfa', {}, 200)).body, {
    enabled: false,
    totp: false,
    passkeys: 0,
    recovery_codes_left: 0,
  })
})

test('login asks for the code; a code is used once; the mfa_token as well', async () => {
  const person = await auth.newPerson()
  const { secret, recoveryCodes } = await enableTotp(auth, person)
  assert.equal(recoveryCodes.length, 10)
  const half = await halfLogin(person)
  assert.equal(half.mfa_required, true)
  assert.equal(half.access_token, undefined)
  assert.deepEqual(half.methods, ['totp', 'recovery_code'])
  await auth.with(half.mfa_token).call('getMe', {}, 401)

  const code = codeAt(secret, now())
  const body = { mfa_token: half.mfa_token, code }
  const answers = await Promise.all([1, 2].map(() => auth.nobody.call('loginMfa', { body })))
  assert.deepEqual(
    answers.map((answer) => answer.status).toSorted(),
    [200, 401],
    'of two at once one gets in',
  )
  const tokens = answers.find((answer) => answer.status === 200)?.body
  const me = await auth.with(tokens.access_token).call('getMe', {}, 200)
  assert.equal(me.body.mfa_enabled, true)

  const again = await halfLogin(person)
  await auth.nobody.call('loginMfa', { body: { mfa_token: again.mfa_token, code } }, 401)
  auth.advance(30_000)
  const next = { mfa_token: again.mfa_token, code: codeAt(secret, now()) }
  await auth.nobody.call('loginMfa', { body: next }, 200)
  auth.advance(30_000)
  await auth.nobody.call('loginMfa', { body: { ...next, code: codeAt(secret, now()) } }, 401)
})

test('the mfa_token expires, and is no use for another account', async () => {
  const person = await auth.newPerson()
  const { secret } = await enableTotp(auth, person)
  const half = await halfLogin(person)
  auth.advance(301_000)
  const body = { mfa_token: half.mfa_token, code: codeAt(secret, now()) }
  assert.equal((await auth.nobody.call('loginMfa', { body }, 401)).body.code, 'mfa_token_invalid')
})

test('a recovery code is good once, however it is typed', async () => {
  const person = await auth.newPerson()
  const { recoveryCodes } = await enableTotp(auth, person)
  const first = {
    mfa_token: (await halfLogin(person)).mfa_token,
    recovery_code: recoveryCodes[0]!.toUpperCase(),
  }
  await auth.nobody.call('loginMfa', { body: first }, 200)
  const again = { mfa_token: (await halfLogin(person)).mfa_token, recovery_code: recoveryCodes[0] }
  await auth.nobody.call('loginMfa', { body: again }, 401)
  assert.equal((await person.call('getMfa', {}, 200)).body.recovery_codes_left, 9)
  const stored = await auth.sql`select hash from recovery_codes where user_id = ${person.id}`
  assert.ok(stored.every((row) => row['hash'].length === 32))
})

test('guesses at the code are slowed, counted apart from those at the password', async () => {
  const person = await auth.newPerson()
  const { secret } = await enableTotp(auth, person)
  const half = await halfLogin(person)
  const statuses = []
  for (let i = 0; i < 6; i++) {
    const body = { mfa_token: half.mfa_token, code: '000000' }
    statuses.push((await auth.nobody.call('loginMfa', { body })).status)
  }
  assert.deepEqual(statuses, [401, 401, 401, 401, 429, 429])
  await halfLogin(person)
  auth.advance(60_000)
  const body = { mfa_token: half.mfa_token, code: codeAt(secret, now()) }
  await auth.nobody.call('loginMfa', { body }, 200)
})

test('exactly one proof is wanted', async () => {
  const person = await auth.newPerson()
  const { secret, recoveryCodes } = await enableTotp(auth, person)
  const { mfa_token } = await halfLogin(person)
  await auth.nobody.call('loginMfa', { body: { mfa_token } }, 422)
  const both = { mfa_token, code: codeAt(secret, now()), recovery_code: recoveryCodes[0] }
  await auth.nobody.call('loginMfa', { body: both }, 422)
})

test('factors change only soon after proving who one is', async () => {
  const person = await auth.newPerson()
  const { secret } = await enableTotp(auth, person)
  auth.advance(16 * 60_000)
  const fresh = await auth.nobody.call(
    'refresh',
    { body: { refresh_token: person.tokens.refresh_token } },
    200,
  )
  const later = auth.with(fresh.body.access_token)
  for (const operation of ['disableMfa', 'renewRecoveryCodes', 'startPasskeyRegistration'])
    assert.equal((await later.call(operation, {}, 403)).body.code, 'reauthentication_required')
  await later.call('reauthenticate', { body: { password } }, 422)
  await later.call('reauthenticate', { body: { password: 'wrong', code: codeAt(secret, now()) } }, 401)
  await later.call('reauthenticate', { body: { password, code: '000000' } }, 401)
  await later.call('reauthenticate', { body: { code: codeAt(secret, now()) } }, 422)
  await later.call('reauthenticate', { body: { password, code: codeAt(secret, now()) } }, 204)

  assert.equal((await later.call('enrollMfa', {}, 409)).body.code, 'mfa_enabled')
  const renewed = await later.call('renewRecoveryCodes', {}, 200)
  assert.equal(renewed.body.recovery_codes.length, 10)
  await later.call('disableMfa', {}, 204)
  assert.deepEqual((await later.call('getMfa', {}, 200)).body, {
    enabled: false,
    totp: false,
    passkeys: 0,
    recovery_codes_left: 0,
  })
  assert.equal((await mailTo(auth, person.email, 'mfa_changed')).data['change'], 'totp.disabled')
  await auth.signIn(person.email)
  await later.call('renewRecoveryCodes', {}, 409)
})

test('a wrong first code enables nothing', async () => {
  const person = await auth.newPerson()
  await person.call('enrollMfa', {}, 200)
  await person.call('confirmMfa', { body: { code: '000000' } }, 422)
  assert.equal((await person.call('getMfa', {}, 200)).body.enabled, false)
})

test('a reset of the password does not get around the second factor', async () => {
  const person = await auth.newPerson()
  const { secret } = await enableTotp(auth, person)
  await auth.nobody.call('forgotPassword', { body: { email: person.email } }, 202)
  const token = tokenIn(await mailTo(auth, person.email, 'reset_password'))
  const changed = 'another good one 7'
  await auth.nobody.call('resetPassword', { body: { token, password: changed } }, 204)
  const half = await auth.nobody.call('login', { body: { email: person.email, password: changed } }, 200)
  assert.equal(half.body.mfa_required, true)
  const body = { mfa_token: half.body.mfa_token, code: codeAt(secret, now()) }
  await auth.nobody.call('loginMfa', { body }, 200)
})

test('a wrong code and a used one look the same', async () => {
  const person = await auth.newPerson()
  const { secret } = await enableTotp(auth, person)
  const code = codeAt(secret, now())
  await auth.nobody.call('loginMfa', { body: { mfa_token: (await halfLogin(person)).mfa_token, code } }, 200)
  const { mfa_token } = await halfLogin(person)
  const used = await auth.nobody.call('loginMfa', { body: { mfa_token, code } }, 401)
  const wrong = await auth.nobody.call('loginMfa', { body: { mfa_token, code: '000000' } }, 401)
  assert.deepEqual(visible(used), visible(wrong))
})
