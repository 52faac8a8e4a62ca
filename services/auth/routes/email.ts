import { problems } from '@ait/kit'
import { changeAccount } from '../accounts/change.ts'
import { checkedEmail } from '../accounts/checks.ts'
import { createAccount, type AccountDraft } from '../accounts/create.ts'
import { linkInvalid, mailLink, requestMail } from '../accounts/mail.ts'
import { ownAccount } from '../accounts/person.ts'
import { takeMailToken } from '../db/mail-tokens.ts'
import { findAccountByEmail, lockAccount } from '../db/users.ts'
import { hashToken } from '../domain/opaque-token.ts'
import { route } from '../kit.ts'
import { deviceOf } from '../sessions/device.ts'
import { recentSession } from '../sign-in/recent.ts'
import { countAttempt } from '../sign-in/throttle.ts'

/** Follows the link of a registration, which makes the account, or of an address to be confirmed. */
export const verifyEmail = route('verifyEmail', async (ctx) => {
  const token = await takeMailToken(
    ctx.sql,
    hashToken(ctx.body.token),
    ['register', 'verify_email'],
    ctx.now(),
  )
  if (!token?.email) throw linkInvalid()
  const email_verified_at = ctx.now().toISOString()
  if (token.purpose === 'register') {
    if (!(await createAccount(ctx, { ...(token.data as AccountDraft), email_verified_at })))
      throw problems.conflict('email_taken', 'An account with this address exists')
    return { email: token.email }
  }
  const account = token.user_id ? await lockAccount(ctx.sql, token.user_id) : undefined
  // The address was changed after the mail was sent: the link proves nothing about the new one.
  if (account?.email !== token.email) throw linkInvalid()
  if (!account.email_verified_at) await changeAccount(ctx, account, { email_verified_at })
  return { email: token.email }
})

export const resendVerification = route('resendVerification', async (ctx) => {
  const email = checkedEmail(ctx.body.email)
  await countAttempt(ctx, 'mail', email, deviceOf(ctx.request).address)
  await ctx.enqueue('mail-verification', { email })
  return { status: 'accepted' as const }
})

/** The same answer when the address is taken: its owner is told by mail, and nobody else. */
export const changeEmail = route('changeEmail', async (ctx) => {
  await recentSession(ctx)
  const account = await ownAccount(ctx)
  const email = checkedEmail(ctx.body.email)
  await countAttempt(ctx, 'mail', email, deviceOf(ctx.request).address)
  await ctx.write(async (unit) => {
    const taken = await findAccountByEmail(unit.sql, email)
    const { locale, full_name: name } = taken ?? account
    if (taken) await requestMail(unit, { to: email, template: 'already_registered', locale, data: { name } })
    else await mailLink(unit, account, 'change_email', { to: email })
  })
  return { status: 'accepted' as const }
})

export const confirmEmailChange = route('confirmEmailChange', async (ctx) => {
  const token = await takeMailToken(ctx.sql, hashToken(ctx.body.token), ['change_email'], ctx.now())
  const account = token?.user_id && token.email ? await lockAccount(ctx.sql, token.user_id) : undefined
  if (!account || !token?.email) throw linkInvalid()
  if (await findAccountByEmail(ctx.sql, token.email))
    throw problems.conflict('email_taken', 'An account with this address exists')
  const { email: formerly, locale, full_name: name } = account
  await changeAccount(ctx, account, { email: token.email, email_verified_at: ctx.now().toISOString() })
  await ctx.audit('email.changed', { type: 'user', id: account.id }, { formerly })
  await requestMail(ctx, {
    to: formerly,
    template: 'email_changed',
    locale,
    data: { name, new_email: token.email },
  })
  return { email: token.email }
})
