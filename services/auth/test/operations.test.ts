import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { contract } from '../contract.ts'
import { startAuth, type AuthService } from './support/auth.ts'

let auth: AuthService
before(async () => {
  auth = await startAuth()
})
after(() => auth.stop())

/** What is open to everybody is listed here as well, so that nothing becomes so by mistake. */
const open = [
  'completeOauth',
  'confirmEmailChange',
  'finishOauth',
  'forgotPassword',
  'getAvatar',
  'getInvitation',
  'getJwks',
  'getSetupPage',
  'getSignInOptions',
  'login',
  'loginMfa',
  'loginPasskey',
  'refresh',
  'register',
  'resendVerification',
  'resetPassword',
  'revoke',
  'setup',
  'startOauth',
  'startPasskeyLogin',
  'verifyEmail',
]

test('exactly these operations are open to everybody', () => {
  const all = Object.entries(contract.operations)
  const actual = all.filter(([, { spec }]) => spec.allow === 'public').map(([name]) => name)
  assert.deepEqual(actual.toSorted(), open)
})

for (const [name, operation] of Object.entries(contract.operations))
  if (operation.spec.allow !== 'public')
    test(`${name}: nobody and a token of another issuer get 401, and nothing is written`, async () => {
      const { params, query, body } = operation.spec.example as any
      const options = { params, query, body }
      const written = async () =>
        (await auth.sql`select (select count(*) from kit.events) + (select count(*) from kit.audit) as n`)[0]
      const count = await written()
      await auth.nobody.call(name, options, 401)
      await auth.as('admin').call(name, options, 401)
      assert.deepEqual(await written(), count)
    })
