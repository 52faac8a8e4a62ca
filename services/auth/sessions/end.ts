import { insertRevocations } from '../db/revocations.ts'
import { markEnded, openSessionIds } from '../db/sessions.ts'
import type { AuthUnit } from '../kit.ts'

export type EndReason =
  | 'logout'
  | 'ended'
  | 'reuse'
  | 'password_changed'
  | 'disabled'
  | 'demoted'
  | 'deleted'
  | 'revoked'

/** Ends sessions in every service at once: no token of theirs is accepted once this commits. */
export async function endSessions(unit: AuthUnit, ids: string[], reason: EndReason): Promise<number> {
  if (ids.length === 0) return 0
  const ended = await markEnded(unit.sql, ids, reason, unit.now())
  for (const { id, user_id } of ended) {
    await unit.emit('auth.session.ended.v1', id, { id, user_id, reason })
    await unit.audit('session.ended', { type: 'user', id: user_id }, { session_id: id, reason })
  }
  await insertRevocations(
    unit.sql,
    ended.map(({ id }) => id),
    unit.now(),
  )
  return ended.length
}

/** All sessions of a person, but for `except`. */
export async function endSessionsOf(
  unit: AuthUnit,
  userId: string,
  reason: EndReason,
  except?: string,
): Promise<number> {
  return endSessions(unit, await openSessionIds(unit.sql, userId, except), reason)
}
