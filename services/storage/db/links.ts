import type { PageRequest, Sql } from '@ait/kit'

import type { LinkState } from '../domain/links.ts'
import type { LinksRow } from './types.ts'

export const listLinks = (sql: Sql, entry: string, page: PageRequest) => sql<LinksRow[]>`
  select * from links where entry_id = ${entry} ${page.after ? sql`and id > ${page.after[0] as string}` : sql``}
  order by id limit ${page.limit + 1}`

type NewLink = Pick<
  LinksRow,
  'id' | 'entry_id' | 'token_hash' | 'password_hash' | 'expires_at' | 'downloads_max' | 'created_by'
>

export async function insertLink(sql: Sql, link: NewLink): Promise<LinksRow> {
  const { id, entry_id, token_hash, password_hash, expires_at, downloads_max, created_by } = link
  const [row] = await sql<LinksRow[]>`
    insert into links (id, entry_id, token_hash, password_hash, expires_at, downloads_max, created_by)
    values (${id}, ${entry_id}, ${token_hash}, ${password_hash}, ${expires_at}, ${downloads_max}, ${created_by})
    returning *`
  return row as LinksRow
}

export const deleteLink = (sql: Sql, entry: string, id: string) => sql<{ id: string }[]>`
  delete from links where id = ${id} and entry_id = ${entry} returning id`

export const findLink = async (sql: Sql, tokenHash: string): Promise<LinksRow | undefined> =>
  (await sql<LinksRow[]>`select * from links where token_hash = ${tokenHash}`)[0]

/** Counts a download; nothing comes back when it would be one too many, however many ask at once. */
export const countDownload = (sql: Sql, id: string) => sql<LinksRow[]>`
  update links set downloads = downloads + 1, failures = 0, locked_until = null
  where id = ${id} and (downloads_max is null or downloads < downloads_max) returning *`

export const countFailure = (
  sql: Sql,
  id: string,
  { failures, locked_until }: Pick<LinkState, 'failures' | 'locked_until'>,
) => sql`
  update links set failures = ${failures}, locked_until = ${locked_until} where id = ${id}`

/** Takes a link for the rest of the transaction. */
export const lockLink = async (sql: Sql, id: string): Promise<LinksRow | undefined> =>
  (await sql<LinksRow[]>`select * from links where id = ${id} for update`)[0]
