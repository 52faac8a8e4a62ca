import type { PageRequest, Sql } from '@ait/kit'
import type { RefreshTokensRow, SessionsRow } from './types.ts'

export const findOpenSession = async (sql: Sql, id: string): Promise<SessionsRow | undefined> =>
  (await sql<SessionsRow[]>`select * from sessions where id = ${id} and ended_at is null`)[0]

export const insertSession = (
  sql: Sql,
  session: Pick<SessionsRow, 'id' | 'user_id' | 'methods' | 'user_agent' | 'address'>,
  now: Date,
) => sql`
  insert into sessions (id, user_id, methods, user_agent, address, started_at, authenticated_at, last_seen_at)
  values (${session.id}, ${session.user_id}, ${session.methods}, ${session.user_agent}, ${session.address},
    ${now}, ${now}, ${now})`

/** Sessions that have neither ended nor expired. */
export const listOpenSessions = (
  sql: Sql,
  userId: string,
  expired: { lastSeen: Date; started: Date },
  page: PageRequest,
) => sql<SessionsRow[]>`
  select * from sessions where user_id = ${userId} and ended_at is null
    and last_seen_at > ${expired.lastSeen} and started_at > ${expired.started}
    ${page.after ? sql`and (last_seen_at, id) < (${page.after[0]!}, ${page.after[1]!})` : sql``}
  order by last_seen_at desc, id desc limit ${page.limit + 1}`

export const openSessionIds = async (sql: Sql, userId: string, except?: string): Promise<string[]> => {
  const rows = await sql<{ id: string }[]>`
    select id from sessions where user_id = ${userId} and ended_at is null and id is distinct from ${except ?? null}`
  return rows.map((row) => row.id)
}

/** The sessions among `ids` that this call ended. */
export const markEnded = (sql: Sql, ids: string[], reason: string, now: Date) => sql<
  { id: string; user_id: string }[]
>`
  update sessions set ended_at = ${now}, end_reason = ${reason}
  where id = any(${ids}::uuid[]) and ended_at is null returning id, user_id`

export const touchSession = (sql: Sql, id: string, now: Date, address: string | null) =>
  sql`update sessions set last_seen_at = ${now}, address = coalesce(${address}, address) where id = ${id}`

export const markAuthenticated = (sql: Sql, id: string, now: Date) =>
  sql`update sessions set authenticated_at = ${now} where id = ${id}`

/** From now on a browser's: it has a secret, and no refresh token any more. */
export async function makeBrowserSession(sql: Sql, id: string, secretHash: Buffer): Promise<void> {
  await sql`update sessions set secret_hash = ${secretHash} where id = ${id}`
  await sql`delete from refresh_tokens where session_id = ${id}`
}

export const findBrowserSession = async (sql: Sql, secretHash: Buffer): Promise<SessionsRow | undefined> =>
  (await sql<SessionsRow[]>`select * from sessions where secret_hash = ${secretHash} and ended_at is null`)[0]

export const insertRefreshToken = (
  sql: Sql,
  token: Pick<RefreshTokensRow, 'hash' | 'session_id' | 'user_agent'>,
  now: Date,
) => sql`
  insert into refresh_tokens (hash, session_id, user_agent, issued_at)
  values (${token.hash}, ${token.session_id}, ${token.user_agent}, ${now})`

export interface PresentedToken extends RefreshTokensRow {
  user_id: string
  started_at: string
  ended_at: string | null
  successor_used: boolean
}

/** A refresh token with its session, locked: of two who present it at once the second sees what the first did. */
export const lockRefreshToken = async (sql: Sql, hash: Buffer): Promise<PresentedToken | undefined> =>
  (
    await sql<PresentedToken[]>`
      select r.*, s.user_id, s.started_at, s.ended_at,
        exists (select 1 from refresh_tokens n where n.hash = r.successor_hash and n.used_at is not null) as successor_used
      from refresh_tokens r join sessions s on s.id = r.session_id
      where r.hash = ${hash} for update of r, s`
  )[0]

export const markUsed = (sql: Sql, hash: Buffer, successorHash: Buffer, now: Date) =>
  sql`update refresh_tokens set used_at = ${now}, successor_hash = ${successorHash} where hash = ${hash}`

/** Tokens that would be refused as expired anyway. */
export const forgetRefreshTokens = (sql: Sql, before: Date) =>
  sql`delete from refresh_tokens where issued_at < ${before}`

export const forgetSessions = (sql: Sql, idleBefore: Date, endedBefore: Date) => sql`
  delete from sessions where ended_at < ${endedBefore} or (ended_at is null and last_seen_at < ${idleBefore})`
