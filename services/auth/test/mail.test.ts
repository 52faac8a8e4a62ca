import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { until } from '@ait/testing'
import { mailTo, password, startAuth, tokenIn, visible, type AuthService } from './support/auth.ts'

let auth: AuthService
before(async () => {
  auth = await startAuth()
})
after(() => auth.stop())

const better = 'tres tristes tigres'
const mailsTo = async (address: string) =>
  (await auth.events('auth.mail.requested.v1')).filter((mail) => mail.to === address)

describe('forgotten password', () => {
  test('the same answer whether or not the account exists, and no mail to strangers', async () => {
    const person = await auth.newPerson()
    const known = await auth.nobody.call('forgotPassword', { body: { email: person.email } }, 202)
    const unknown = await auth.nobody.call('forgotPassword', { body: { email: 'stranger@example.org' } }, 202)
    assert.deepEqual(visible(known), visible(unknown))
    const done = async () => {
      const name = 'mail-password-reset'
      const [row] =
        await auth.sql`select count(*)::int as n from jobs.job where name = ${name} and state <> 'completed'`
      return row?.['n'] === 0
    }
    await until('both jobs ran', done)
    assert.equal((await mailsTo(person.email)).filter((mail) => mail.template === 'reset_password').length, 1)
    assert.deepEqual(await mailsTo('stranger@example.org'), [])
  })

  test('the link sets a new password once, ends every session, and proves the address', async () => {
    const person = await auth.newPerson()
    await auth.nobody.call('forgotPassword', { body: { email: person.email } }, 202)
    const token = tokenIn(await mailTo(auth, person.email, 'reset_password'))
    const weak = await auth.nobody.call('resetPassword', { body: { token, password: 'password1' } }, 422)
    assert.deepEqual(weak.body.errors[0].loc, ['body', 'password'])
    await auth.nobody.call('resetPassword', { body: { token, password: better } }, 204)
    await until('the old session is out', async () => (await person.call('getMe')).status === 401, 1000)
    await auth.nobody.call('login', { body: { email: person.email, password } }, 401)
    const back = await auth.signIn(person.email, better)
    assert.equal((await back.call('getMe', {}, 200)).body.email_verified, true)
    const again = await auth.nobody.call('resetPassword', { body: { token, password: better } }, 400)
    assert.equal(again.body.code, 'invalid_link')
    await mailTo(auth, person.email, 'password_changed')
  })

  test('who took an address that is not theirs keeps no way back once its owner sets a password', async () => {
    const squatter = await auth.newPerson()
    const made = await squatter.call('createToken', { body: { name: 'x', scopes: ['*'] } }, 201)
    const squatters = auth.with(made.body.token)
    await squatters.call('getMe', {}, 200)
    await auth.sql`insert into identities (provider, subject, user_id) values ('fake', 'squatter', ${squatter.id})`
    await auth.nobody.call('forgotPassword', { body: { email: squatter.email } }, 202)
    const token = tokenIn(await mailTo(auth, squatter.email, 'reset_password'))
    await auth.nobody.call('resetPassword', { body: { token, password: better } }, 204)
    await until('the token is refused', async () => (await squatters.call('getMe')).status === 401, 1000)
    const owner = await auth.signIn(squatter.email, better)
    assert.deepEqual((await owner.call('listTokens', {}, 200)).body.items, [])
    assert.deepEqual((await owner.call('listIdentities', {}, 200)).body.items, [])
  })

  test('an owner who has proved the address keeps their tokens when they forget the password', async () => {
    const person = await auth.newPerson()
    await auth.sql`update users set email_verified_at = now() where id = ${person.id}`
    const made = await person.call('createToken', { body: { name: 'x', scopes: ['*'] } }, 201)
    await auth.nobody.call('forgotPassword', { body: { email: person.email } }, 202)
    const token = tokenIn(await mailTo(auth, person.email, 'reset_password'))
    await auth.nobody.call('resetPassword', { body: { token, password: better } }, 204)
    await auth.with(made.body.token).call('getMe', {}, 200)
  })

  test('a newer link replaces the older, and each expires', async () => {
    const person = await auth.newPerson()
    const ask = async (former = ''): Promise<string> => {
      await auth.nobody.call('forgotPassword', { body: { email: person.email } }, 202)
      const next = async () => tokenIn(await mailTo(auth, person.email, 'reset_password'))
      await until('another mail', async () => (await next()) !== former)
      return next()
    }
    const first = await ask()
    const second = await ask(first)
    await auth.nobody.call('resetPassword', { body: { token: first, password: better } }, 400)
    auth.advance(3_601_000)
    await auth.nobody.call('resetPassword', { body: { token: second, password: better } }, 400)
  })

  test('nobody is flooded with mail', async () => {
    const body = { email: 'victim@example.com' }
    const statuses = []
    for (let i = 0; i < 6; i++) statuses.push((await auth.nobody.call('forgotPassword', { body })).status)
    assert.deepEqual(statuses, [202, 202, 202, 202, 429, 429])
  })
})

describe('own password', () => {
  test('nobody and a wrong current password change nothing', async () => {
    await auth.nobody.call('changePassword', { body: { new_password: better } }, 401)
    const person = await auth.newPerson()
    await person.call('changePassword', { body: { new_password: better } }, 422)
    await person.call('changePassword', { body: { current_password: 'wrong', new_password: better } }, 401)
    await person.call(
      'changePassword',
      { body: { current_password: password, new_password: 'password1' } },
      422,
    )
    await auth.signIn(person.email)
  })

  test('a change keeps this session and ends the others', async () => {
    const person = await auth.newPerson()
    const other = await auth.signIn(person.email)
    await person.call('changePassword', { body: { current_password: password, new_password: better } }, 204)
    await until('the other is out', async () => (await other.call('getMe')).status === 401, 1000)
    await person.call('getMe', {}, 200)
    await auth.signIn(person.email, better)
  })
})

describe('address', () => {
  test('a new account’s address is confirmed by the mailed link, once', async () => {
    const person = await auth.newPerson()
    const mail = await mailTo(auth, person.email, 'verify_email')
    assert.ok(mail.data['link']?.startsWith('http://localhost:3000/verify-email#token='))
    const body = { token: tokenIn(mail) }
    const verified = await auth.nobody.call('verifyEmail', { body }, 200)
    assert.deepEqual(verified.body, { email: person.email })
    await auth.nobody.call('verifyEmail', { body }, 400)
    const me = (await person.call('getMe', {}, 200)).body
    assert.equal(me.email_verified, true)
    assert.equal(me.version, 2)
    const known = await auth.nobody.call('resendVerification', { body: { email: person.email } }, 202)
    const unknown = await auth.nobody.call('resendVerification', { body: { email: 'x@example.org' } }, 202)
    assert.deepEqual(visible(known), visible(unknown))
  })

  test('the confirmation is sent again', async () => {
    const person = await auth.newPerson()
    const first = tokenIn(await mailTo(auth, person.email, 'verify_email'))
    await auth.nobody.call('resendVerification', { body: { email: person.email } }, 202)
    await until(
      'another mail',
      async () => tokenIn(await mailTo(auth, person.email, 'verify_email')) !== first,
    )
    await auth.nobody.call('verifyEmail', { body: { token: first } }, 400)
  })

  test('a change is confirmed from the new address and told to the old one', async () => {
    const person = await auth.newPerson()
    await auth.nobody.call('changeEmail', { body: { email: 'x@example.com' } }, 401)
    await person.call('changeEmail', { body: { email: 'moved@example.com' } }, 202)
    assert.equal((await person.call('getMe', {}, 200)).body.email, person.email, 'not before it is confirmed')
    const token = tokenIn(await mailTo(auth, 'moved@example.com', 'change_email'))
    await auth.nobody.call('confirmEmailChange', { body: { token } }, 200)
    await auth.nobody.call('confirmEmailChange', { body: { token } }, 400)
    const me = (await person.call('getMe', {}, 200)).body
    assert.deepEqual([me.email, me.email_verified], ['moved@example.com', true])
    assert.equal((await mailTo(auth, person.email, 'email_changed')).data['new_email'], 'moved@example.com')
    await auth.signIn('moved@example.com')
  })

  test('a taken address looks like a free one to who asks', async () => {
    const [person, other] = [await auth.newPerson(), await auth.newPerson()]
    const taken = await person.call('changeEmail', { body: { email: other.email } }, 202)
    const free = await person.call('changeEmail', { body: { email: 'free@example.com' } }, 202)
    assert.deepEqual(visible(taken), visible(free))
    await mailTo(auth, other.email, 'already_registered')
    assert.ok((await mailsTo(other.email)).every((mail) => mail.template !== 'change_email'))
  })

  test('an address taken while the link was on its way stays with who took it', async () => {
    const person = await auth.newPerson()
    await person.call('changeEmail', { body: { email: 'contested@example.com' } }, 202)
    const token = tokenIn(await mailTo(auth, 'contested@example.com', 'change_email'))
    await auth.newPerson('contested')
    await auth.nobody.call('confirmEmailChange', { body: { token } }, 409)
  })
})

describe('while e-mail verification is required', () => {
  let strict: AuthService
  before(async () => {
    strict = await startAuth({ AUTH_EMAIL_VERIFICATION: 'required' })
  })
  after(() => strict.stop())
  const body = { email: 'new@example.com', password, full_name: 'New Person', locale: 'es' }

  test('register answers the same for a taken address, and an account exists once it is confirmed', async () => {
    const free = await strict.nobody.call('register', { body }, 202)
    const taken = await strict.nobody.call('register', { body: { ...body, email: 'admin@example.com' } }, 202)
    assert.deepEqual(visible(free), visible(taken))
    await strict.nobody.call('login', { body: { email: body.email, password } }, 401)
    assert.equal((await strict.events('auth.user.registered.v1')).length, 1, 'only the administrator')
    await mailTo(strict, 'admin@example.com', 'already_registered')

    const mail = await mailTo(strict, body.email, 'confirm_registration')
    assert.equal(mail.locale, 'es')
    await strict.nobody.call('verifyEmail', { body: { token: tokenIn(mail) } }, 200)
    const me = (await (await strict.signIn(body.email)).call('getMe', {}, 200)).body
    assert.deepEqual([me.email_verified, me.locale, me.role], [true, 'es', 'user'])
  })

  test('who registered the address first has it', async () => {
    const twice = { ...body, email: 'twice@example.com' }
    await strict.nobody.call('register', { body: twice }, 202)
    const first = tokenIn(await mailTo(strict, twice.email, 'confirm_registration'))
    await strict.nobody.call('register', { body: { ...twice, password: better } }, 202)
    const second = await until('another mail', async () => {
      const token = tokenIn(await mailTo(strict, twice.email, 'confirm_registration'))
      return token !== first && token
    })
    await strict.nobody.call('verifyEmail', { body: { token: second } }, 200)
    await strict.nobody.call('verifyEmail', { body: { token: first } }, 409)
    await strict.signIn(twice.email, better)
  })
})
