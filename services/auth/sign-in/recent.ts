import { problems } from '@ait/kit'
import { person } from '../accounts/person.ts'
import { findOpenSession } from '../db/sessions.ts'
import type { SessionsRow } from '../db/types.ts'
import type { AuthContext } from '../kit.ts'

/** The session the caller is signed in with. @throws Problem 403 for a personal access token. */
export async function ownSession(ctx: Pick<AuthContext, 'principal' | 'sql'>): Promise<SessionsRow> {
  const { sid, scopes } = person(ctx)
  const session = scopes ? undefined : await findOpenSession(ctx.sql, sid)
  if (!session)
    throw problems.forbidden('Sign in for this: a personal access token is not enough', 'session_required')
  return session
}

/**
 * The same, in which the person proved only lately who they are: before a factor, the address or the
 * password changes. Else a token that was left lying about would be enough to take an account over.
 * @throws Problem 403 `reauthentication_required`: POST /reauthenticate, then try again
 */
export async function recentSession(
  ctx: Pick<AuthContext, 'principal' | 'sql' | 'config' | 'now'>,
): Promise<SessionsRow> {
  const session = await ownSession(ctx)
  const age = ctx.now().getTime() - Date.parse(session.authenticated_at)
  if (age > ctx.config.AUTH_REAUTHENTICATION_MINUTES * 60_000)
    throw problems.forbidden(
      'Prove again who you are: POST /api/v1/auth/reauthenticate',
      'reauthentication_required',
    )
  return session
}
