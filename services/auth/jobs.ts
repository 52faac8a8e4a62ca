import { mailLink, requestMail, linkTo } from './accounts/mail.ts'
import { forgetChallenges } from './db/challenges.ts'
import { forgetMailTokens, renameMailToken } from './db/mail-tokens.ts'
import { forgetRevocations } from './db/revocations.ts'
import { forgetRefreshTokens, forgetSessions } from './db/sessions.ts'
import { forgetCounters } from './db/throttle.ts'
import { findAccountByEmail } from './db/users.ts'
import { generateOpaqueToken, hashToken } from './domain/opaque-token.ts'
import { job } from './kit.ts'
import { cutoffs } from './sessions/life.ts'

const day = 86_400_000
/** Ended sessions stay this long for the audit. */
const keepEndedMs = 90 * day

/** Links by mail are written here and not where they are asked for: see routes/password.ts. */
export const mailPasswordReset = job<{ email: string }>(
  'mail-password-reset',
  {},
  async ({ data }, { write }) => {
    await write(async (unit) => {
      const account = await findAccountByEmail(unit.sql, data.email)
      if (account && !account.disabled_at) await mailLink(unit, account, 'reset_password')
    })
  },
)

export const mailVerification = job<{ email: string }>(
  'mail-verification',
  {},
  async ({ data }, { write }) => {
    await write(async (unit) => {
      const account = await findAccountByEmail(unit.sql, data.email)
      if (account && !account.disabled_at && !account.email_verified_at)
        await mailLink(unit, account, 'verify_email')
    })
  },
)

/** Confirms a registration, or tells the owner of the address that they are registered already. */
export const mailConfirmation = job<{ hash: string }>(
  'mail-confirmation',
  {},
  async ({ data }, { write }) => {
    await write(async (unit) => {
      const token = generateOpaqueToken()
      const row = await renameMailToken(unit.sql, Buffer.from(data.hash, 'base64url'), hashToken(token))
      if (!row?.email) return
      const { full_name: name, locale = 'en' } = row.data
      const owner = await findAccountByEmail(unit.sql, row.email)
      if (owner) {
        const mail = { to: owner.email, template: 'already_registered' as const, locale: owner.locale }
        return requestMail(unit, { ...mail, data: { name: owner.full_name } })
      }
      const link = linkTo(unit, '/verify-email', token)
      await requestMail(unit, {
        to: row.email,
        template: 'confirm_registration',
        locale,
        data: { name, link, hours: '72' },
      })
    })
  },
)

export const rotateKeys = job('rotate-keys', { schedule: '7 * * * *' }, (_job, { deps }) =>
  deps.keys.rotate(),
)

/** Forgets what has served. */
export const cleanUp = job('clean-up', { schedule: '23 * * * *' }, async (_job, { sql, now, config }) => {
  const before = (ms: number) => new Date(now().getTime() - ms)
  await forgetChallenges(sql, now())
  await forgetMailTokens(sql, now())
  await forgetRevocations(sql)
  await forgetCounters(sql, before(day))
  const { lastSeen } = cutoffs({ now, config })
  await forgetRefreshTokens(sql, lastSeen)
  await forgetSessions(sql, lastSeen, before(keepEndedMs))
})
