import { problems } from '@ait/kit'
import { toUser } from '../accounts/present.ts'
import { findBrowserSession, lockRefreshToken, makeBrowserSession, touchSession } from '../db/sessions.ts'
import { findAccount } from '../db/users.ts'
import { generateOpaqueToken, hashToken } from '../domain/opaque-token.ts'
import { route } from '../kit.ts'
import { deviceOf } from '../sessions/device.ts'
import { endSessions } from '../sessions/end.ts'
import { cutoffs, isExpired } from '../sessions/life.ts'
import { accessTokenFor } from '../sessions/start.ts'
import { requireSuite } from './trust.ts'

const day = 86_400_000
/** last_seen_at is as exact as people need it, not written with every request. */
const touchMs = 60_000

const ended = () => problems.unauthorized('The session has ended: sign in again', 'session_ended')

export const createBrowserSession = route('createBrowserSession', async (ctx) => {
  requireSuite(ctx)
  return ctx.write(async ({ sql, config }) => {
    const token = await lockRefreshToken(sql, hashToken(ctx.body.refresh_token))
    if (!token || token.used_at || token.ended_at) throw ended()
    const account = await findAccount(sql, token.user_id)
    if (!account || account.disabled_at) throw ended()
    const secret = generateOpaqueToken()
    await makeBrowserSession(sql, token.session_id, hashToken(secret))
    const expires = Date.parse(token.started_at) + config.AUTH_SESSION_MAX_DAYS * day
    return {
      secret,
      session_id: token.session_id,
      expires_at: new Date(expires).toISOString(),
      user: toUser(account),
    }
  })
})

export const exchangeBrowserSession = route('exchangeBrowserSession', async (ctx) => {
  requireSuite(ctx)
  const session = await findBrowserSession(ctx.sql, hashToken(ctx.body.secret))
  if (!session || isExpired(session, cutoffs(ctx))) throw ended()
  const account = await findAccount(ctx.sql, session.user_id)
  if (!account || account.disabled_at) throw ended()
  if (ctx.now().getTime() - Date.parse(session.last_seen_at) > touchMs)
    await touchSession(ctx.sql, session.id, ctx.now(), deviceOf(ctx.request).address)
  const { token, expiresIn } = await accessTokenFor(ctx, account, session.id)
  return { access_token: token, expires_in: expiresIn, session_id: session.id }
})

export const endBrowserSession = route('endBrowserSession', async (ctx) => {
  requireSuite(ctx)
  const session = await findBrowserSession(ctx.sql, hashToken(ctx.body.secret))
  if (session) await endSessions(ctx, [session.id], 'logout')
})
