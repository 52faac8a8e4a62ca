import { problems } from '@ait/kit'
import { checkedEmail } from '../accounts/checks.ts'
import { linkInvalid, notify } from '../accounts/mail.ts'
import { ownAccount } from '../accounts/person.ts'
import { markRevoked, personalTokenIds } from '../db/api-tokens.ts'
import { deleteIdentities } from '../db/identities.ts'
import { dropMailTokens, findMailToken, takeMailToken } from '../db/mail-tokens.ts'
import { insertRevocations } from '../db/revocations.ts'
import { findAccount, setPassword, updateUser, type Account } from '../db/users.ts'
import { hashToken } from '../domain/opaque-token.ts'
import { route, type AuthUnit } from '../kit.ts'
import { deviceOf } from '../sessions/device.ts'
import { endSessionsOf } from '../sessions/end.ts'
import { checkCredentials, hashChosen } from '../sign-in/password.ts'
import { ownSession, recentSession } from '../sign-in/recent.ts'
import { countAttempt } from '../sign-in/throttle.ts'

/**
 * Whether the account exists is found out by a job: this request does the same either way, and so takes
 * as long.
 */
export const forgotPassword = route('forgotPassword', async (ctx) => {
  const email = checkedEmail(ctx.body.email)
  await countAttempt(ctx, 'mail', email, deviceOf(ctx.request).address)
  await ctx.enqueue('mail-password-reset', { email })
  return { status: 'accepted' as const }
})

export const resetPassword = route('resetPassword', async (ctx) => {
  const hash = hashToken(ctx.body.token)
  const found = await findMailToken(ctx.sql, hash, 'reset_password', ctx.now())
  const owner = found?.user_id && (await findAccount(ctx.sql, found.user_id))
  if (!owner) throw linkInvalid()
  const passwordHash = await hashChosen(ctx, ctx.body.password, {
    email: owner.email,
    fullName: owner.full_name,
  })
  await ctx.write(async (unit) => {
    const now = unit.now()
    const token = await takeMailToken(unit.sql, hash, ['reset_password'], now)
    const account = token?.user_id && (await findAccount(unit.sql, token.user_id))
    if (!account) throw linkInvalid()
    await setPassword(unit.sql, account.id, passwordHash, now)
    if (!account.email_verified_at && token.email === account.email) await proveAddress(unit, account)
    await dropMailTokens(unit.sql, account.id, 'change_email')
    await endSessionsOf(unit, account.id, 'password_changed')
    await unit.audit('password.reset', { type: 'user', id: account.id })
    await notify(unit, account, 'password_changed')
  })
})

/**
 * Whoever has the link reads the mail of that address. Whoever had the account until now never proved
 * that they do: what they left behind to come back by goes, second factors apart.
 */
async function proveAddress(unit: AuthUnit, account: Account): Promise<void> {
  await updateUser(unit.sql, account, { email_verified_at: unit.now().toISOString() }, unit.now())
  const tokens = await personalTokenIds(unit.sql, account.id)
  await markRevoked(unit.sql, tokens, unit.now())
  await insertRevocations(unit.sql, tokens, unit.now())
  await deleteIdentities(unit.sql, account.id)
}

export const changePassword = route('changePassword', async (ctx) => {
  const account = await ownAccount(ctx)
  const session = account.password_hash ? await ownSession(ctx) : await recentSession(ctx)
  if (account.password_hash) {
    if (ctx.body.current_password === undefined)
      throw problems.invalid(['body', 'current_password'], 'is required', 'missing')
    await checkCredentials(ctx, account.email, ctx.body.current_password)
  }
  const person = { email: account.email, fullName: account.full_name }
  const passwordHash = await hashChosen(ctx, ctx.body.new_password, person, 'new_password')
  await ctx.write(async (unit) => {
    await setPassword(unit.sql, account.id, passwordHash, unit.now())
    await dropMailTokens(unit.sql, account.id, 'reset_password')
    await endSessionsOf(unit, account.id, 'password_changed', session.id)
    await unit.audit('password.changed', { type: 'user', id: account.id })
    await notify(unit, account, 'password_changed')
  })
})
