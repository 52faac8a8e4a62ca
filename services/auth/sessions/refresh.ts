import { problems } from '@ait/kit'
import {
  insertRefreshToken,
  lockRefreshToken,
  markUsed,
  touchSession,
  type PresentedToken,
} from '../db/sessions.ts'
import { findAccount } from '../db/users.ts'
import { hashToken, successorToken } from '../domain/opaque-token.ts'
import { decideRefresh, type RefreshDecision } from '../domain/refresh-rotation.ts'
import type { AuthContext, AuthUnit } from '../kit.ts'
import type { Device } from './device.ts'
import { endSessions } from './end.ts'
import { tokensFor, type Tokens } from './start.ts'

const day = 86_400_000

/** What makes a refusal is not told apart: it would help only a thief. */
const refused = () =>
  problems.unauthorized('The refresh token is not valid: sign in again', 'invalid_refresh_token')

/** @throws Problem 401. A token that was used before has then ended its session. */
export async function refreshTokens(
  ctx: Pick<AuthContext, 'write'>,
  token: string,
  device: Device,
): Promise<Tokens> {
  // The end of a session must be kept although the caller is refused, so nothing is thrown inside.
  const tokens = await ctx.write(async (unit) => {
    const presented = await lockRefreshToken(unit.sql, hashToken(token))
    if (!presented) return undefined
    const decision = decide(unit, presented, device)
    if (decision === 'reuse') await endSessions(unit, [presented.session_id], 'reuse')
    return decision === 'rotate' || decision === 'repeat'
      ? succeed(unit, presented, token, device, decision)
      : undefined
  })
  if (!tokens) throw refused()
  return tokens
}

function decide(unit: AuthUnit, presented: PresentedToken, device: Device): RefreshDecision {
  const token = {
    usedAt: presented.used_at ? new Date(presented.used_at) : undefined,
    successorUsed: presented.successor_used,
    issuedAt: new Date(presented.issued_at),
    userAgent: presented.user_agent,
  }
  const family = {
    startedAt: new Date(presented.started_at),
    endedAt: presented.ended_at ? new Date(presented.ended_at) : undefined,
  }
  return decideRefresh(
    token,
    family,
    { now: unit.now(), userAgent: device.userAgent },
    {
      idleMs: unit.config.AUTH_SESSION_IDLE_DAYS * day,
      absoluteMs: unit.config.AUTH_SESSION_MAX_DAYS * day,
      graceMs: unit.config.AUTH_REFRESH_GRACE_MS,
    },
  )
}

async function succeed(
  unit: AuthUnit,
  presented: PresentedToken,
  token: string,
  device: Device,
  decision: 'rotate' | 'repeat',
): Promise<Tokens | undefined> {
  const account = await findAccount(unit.sql, presented.user_id)
  if (!account || account.disabled_at) return undefined
  const successor = successorToken(token, unit.deps.successorKey)
  const hash = hashToken(successor)
  const { session_id } = presented
  if (decision === 'rotate') {
    await markUsed(unit.sql, presented.hash, hash, unit.now())
    await insertRefreshToken(unit.sql, { hash, session_id, user_agent: device.userAgent }, unit.now())
    await touchSession(unit.sql, session_id, unit.now(), device.address)
  }
  return tokensFor(unit, account, session_id, successor)
}
