import { route } from '../kit.ts'
import { deviceOf } from '../sessions/device.ts'
import { endSessions } from '../sessions/end.ts'
import { refreshTokens } from '../sessions/refresh.ts'
import { startSession } from '../sessions/start.ts'
import { checkCredentials } from '../sign-in/password.ts'

export const login = route('login', async (ctx) => {
  const account = await checkCredentials(ctx, ctx.body.email, ctx.body.password)
  return ctx.write((unit) => startSession(unit, account, deviceOf(ctx.request), ['password']))
})

export const refresh = route('refresh', (ctx) =>
  refreshTokens(ctx, ctx.body.refresh_token, deviceOf(ctx.request)),
)

export const logout = route('logout', async (ctx) => {
  if (ctx.principal.kind === 'user' && !ctx.principal.scopes)
    await endSessions(ctx, [ctx.principal.sid], 'logout')
})
