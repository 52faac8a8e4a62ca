import type { PageRequest, Sql } from '@ait/kit'

import { lockTree } from './tree.ts'
import type { QuotasRow } from './types.ts'

export const findQuota = async (sql: Sql, user: string): Promise<QuotasRow | undefined> =>
  (await sql<QuotasRow[]>`select * from quotas where user_id = ${user}`)[0]

export const listQuotas = (sql: Sql, page: PageRequest) => sql<QuotasRow[]>`
  select * from quotas ${page.after ? sql`where user_id > ${page.after[0] as string}` : sql``}
  order by user_id limit ${page.limit + 1}`

/** Gives a person their row; one that is there stays. */
export const openQuota = (sql: Sql, user: string) => sql`
  insert into quotas (user_id) values (${user}) on conflict do nothing`

export async function setQuota(sql: Sql, user: string, bytes: number | null): Promise<QuotasRow> {
  const [row] = await sql<QuotasRow[]>`
    insert into quotas (user_id, quota_bytes) values (${user}, ${bytes})
    on conflict (user_id) do update set quota_bytes = excluded.quota_bytes returning *`
  return row as QuotasRow
}

/** Forgets a person and all that is theirs; the contents become orphans. */
export async function forgetOwner(sql: Sql, user: string): Promise<void> {
  await lockTree(sql, user)
  await sql`delete from kit.shares where (subject_type = 'user' and subject_id = ${user})
    or (resource_type = 'entry' and resource_id in (select id from entries where owner_id = ${user}))`
  await sql`delete from entries where owner_id = ${user}`
  await sql`delete from quotas where user_id = ${user}`
}
