import type { PageRequest, Sql } from '@ait/kit'
import type { ApiTokensRow } from './types.ts'

const live = (sql: Sql) => sql`revoked_at is null and (expires_at is null or expires_at > now())`

export const findPersonalToken = async (sql: Sql, id: string): Promise<ApiTokensRow | undefined> =>
  (
    await sql<
      ApiTokensRow[]
    >`select * from api_tokens where id = ${id} and user_id is not null and ${live(sql)}`
  )[0]

export const findServiceToken = async (sql: Sql, id: string): Promise<ApiTokensRow | undefined> =>
  (
    await sql<ApiTokensRow[]>`select * from api_tokens where id = ${id} and user_id is null and ${live(sql)}`
  )[0]

/** The token with this hash, noting that it was used (at most once a minute). */
export async function useApiToken(sql: Sql, hash: Buffer, now: Date): Promise<ApiTokensRow | undefined> {
  const [row] = await sql<ApiTokensRow[]>`select * from api_tokens where hash = ${hash} and ${live(sql)}`
  if (row && (!row.last_used_at || now.getTime() - Date.parse(row.last_used_at) > 60_000))
    await sql`update api_tokens set last_used_at = ${now} where id = ${row.id}`
  return row
}

/** @param userId whose tokens; null: those of services */
export const listApiTokens = (sql: Sql, userId: string | null, page: PageRequest) => sql<ApiTokensRow[]>`
  select * from api_tokens where user_id is not distinct from ${userId}::uuid and ${live(sql)}
    ${page.after ? sql`and id < ${page.after[0]!}` : sql``}
  order by id desc limit ${page.limit + 1}`

export async function insertApiToken(
  sql: Sql,
  token: Pick<
    ApiTokensRow,
    'id' | 'user_id' | 'name' | 'hash' | 'hint' | 'scopes' | 'created_by' | 'expires_at'
  >,
): Promise<ApiTokensRow> {
  const [row] = await sql<ApiTokensRow[]>`
    insert into api_tokens (id, user_id, name, hash, hint, scopes, created_by, expires_at)
    values (${token.id}, ${token.user_id}, ${token.name}, ${token.hash}, ${token.hint}, ${token.scopes},
      ${token.created_by}, ${token.expires_at}) returning *`
  return row as ApiTokensRow
}

export const markRevoked = (sql: Sql, ids: string[], now: Date) =>
  sql`update api_tokens set revoked_at = ${now} where id = any(${ids}::uuid[]) and revoked_at is null`

export const personalTokenIds = async (sql: Sql, userId: string): Promise<string[]> =>
  (await sql<{ id: string }[]>`select id from api_tokens where user_id = ${userId} and ${live(sql)}`).map(
    (row) => row.id,
  )
