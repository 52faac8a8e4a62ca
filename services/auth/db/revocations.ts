import type { Sql } from '@ait/kit'

export const revocationsChannel = 'auth_revocations'

/** As long as the oldest access token may still live, and some. */
const keep = '20 minutes'

/**
 * Publishes ended sessions and tokens. Whoever inserts holds the lock until they commit, so numbers
 * become visible in their order and a reader who has seen 7 has not missed 6.
 */
export async function insertRevocations(sql: Sql, ids: readonly string[], now: Date): Promise<void> {
  if (ids.length === 0) return
  await sql`select pg_advisory_xact_lock(hashtext('auth.revocations'))`
  await sql`insert into revocations (revoked_id, at) select unnest(${ids as string[]}::text[]), ${now}`
  await sql`select pg_notify(${revocationsChannel}, '')`
}

export const revocationsAfter = (sql: Sql, after: number) => sql<{ seq: number; revoked_id: string }[]>`
  select seq, revoked_id from revocations where seq > ${after} and at > now() - ${keep}::interval order by seq`

export const forgetRevocations = (sql: Sql) =>
  sql`delete from revocations where at < now() - ${keep}::interval`
