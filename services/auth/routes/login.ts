import { problems } from '@ait/kit'
import { findChallenge, takeChallenge } from '../db/challenges.ts'
import { passkeysOf } from '../db/factors.ts'
import { findAccount, type Account } from '../db/users.ts'
import { route, type AuthContext } from '../kit.ts'
import { deviceOf } from '../sessions/device.ts'
import { endSessions } from '../sessions/end.ts'
import { refreshTokens } from '../sessions/refresh.ts'
import { startSession } from '../sessions/start.ts'
import { passFirstFactor } from '../sign-in/first-factor.ts'
import { acceptPasskey, askForPasskey, passkeyRefused } from '../sign-in/passkey.ts'
import { checkCredentials } from '../sign-in/password.ts'
import { checkSecondFactor } from '../sign-in/second-factor.ts'

export const login = route('login', async (ctx) => {
  const account = await checkCredentials(ctx, ctx.body.email, ctx.body.password)
  return ctx.write((unit) => passFirstFactor(unit, account, deviceOf(ctx.request), ['password']))
})

export const loginMfa = route('loginMfa', async (ctx) => {
  const { mfa_token, ...proof } = ctx.body
  const { account, methods } = await halfSignedIn(ctx, mfa_token)
  const method = await checkSecondFactor(ctx, account, proof)
  return ctx.write(async (unit) => {
    if (!(await takeChallenge(unit.sql, 'mfa', mfa_token, unit.now()))) throw mfaExpired()
    return startSession(unit, account, deviceOf(ctx.request), [...methods, method])
  })
})

export const startPasskeyLogin = route('startPasskeyLogin', async (ctx) => {
  if (ctx.body.mfa_token === undefined) return askForPasskey(ctx)
  const { account } = await halfSignedIn(ctx, ctx.body.mfa_token)
  return askForPasskey(ctx, await passkeysOf(ctx.sql, account.id))
})

export const loginPasskey = route('loginPasskey', async (ctx) => {
  const passkey = await ctx.write((unit) => acceptPasskey(unit, ctx.body))
  const account = passkey && (await findAccount(ctx.sql, passkey.user_id))
  if (!account) {
    await ctx.audit('login.failed', undefined, { method: 'passkey' })
    throw passkeyRefused()
  }
  refuseDisabled(account)
  // A passkey is something one has and, by PIN or finger, something one knows or is: both factors.
  return ctx.write((unit) => startSession(unit, account, deviceOf(ctx.request), ['passkey']))
})

export const refresh = route('refresh', (ctx) =>
  refreshTokens(ctx, ctx.body.refresh_token, deviceOf(ctx.request)),
)

export const logout = route('logout', async (ctx) => {
  if (ctx.principal.kind === 'user' && !ctx.principal.scopes)
    await endSessions(ctx, [ctx.principal.sid], 'logout')
})

const mfaExpired = () => problems.unauthorized('Too late: sign in again', 'mfa_token_invalid')

/** Whose password was accepted a moment ago. @throws Problem 401, 403 */
async function halfSignedIn(ctx: Pick<AuthContext, 'sql' | 'now'>, mfaToken: string) {
  const challenge = await findChallenge(ctx.sql, 'mfa', mfaToken, ctx.now())
  const account = challenge?.user_id && (await findAccount(ctx.sql, challenge.user_id))
  if (!challenge || !account) throw mfaExpired()
  refuseDisabled(account)
  return { account, methods: challenge.data.methods }
}

export function refuseDisabled(account: Account): void {
  if (account.disabled_at) throw problems.forbidden('This account is disabled', 'account_disabled')
}
