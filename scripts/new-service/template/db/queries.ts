import { forgetShares, visibleTo, type Fragment, type PageRequest, type Principal, type Sql } from '@ait/kit'
import type { ItemsRow } from './types.ts'

export const findItem = async (sql: Sql, id: string): Promise<ItemsRow | undefined> =>
  (await sql<ItemsRow[]>`select * from items where id = ${id}`)[0]

export const listVisibleItems = (
  sql: Sql,
  principal: Principal,
  done: boolean | undefined,
  page: PageRequest,
) => sql<ItemsRow[]>`
  select i.* from items i
  where ${visibleTo(sql, 'item', principal, { owner: sql`i.owner_id`, scope: sql`array[i.id]` })}
    ${done === undefined ? sql`` : sql`and i.done = ${done}`}
    ${page.after ? sql`and i.id < ${page.after[0] as string}` : sql``}
  order by i.id desc limit ${page.limit + 1}`

export async function insertItem(
  sql: Sql,
  item: Pick<ItemsRow, 'id' | 'title' | 'body' | 'owner_id'>,
): Promise<ItemsRow> {
  const [row] = await sql<ItemsRow[]>`
    insert into items (id, title, body, owner_id)
    values (${item.id}, ${item.title}, ${item.body}, ${item.owner_id}) returning *`
  return row as ItemsRow
}

/** Saves over the version that was read; undefined when another change came first. */
export const saveItem = async (sql: Sql, item: ItemsRow): Promise<ItemsRow | undefined> =>
  (
    await sql<ItemsRow[]>`
      update items set title = ${item.title}, body = ${item.body}, done = ${item.done},
        version = version + 1, updated_at = now()
      where id = ${item.id} and version = ${item.version} returning *`
  )[0]

export const deleteItemRow = (sql: Sql, id: string) => deleteItems(sql, sql`id = ${id}`)

export const deleteItemsOf = (sql: Sql, ownerId: string) => deleteItems(sql, sql`owner_id = ${ownerId}`)

export const deleteDoneBefore = (sql: Sql, before: Date) =>
  deleteItems(sql, sql`done and updated_at < ${before.toISOString()}`)

/** Deletes items together with their shares. */
async function deleteItems(sql: Sql, which: Fragment): Promise<void> {
  const gone = await sql<Pick<ItemsRow, 'id'>[]>`delete from items where ${which} returning id`
  await forgetShares(
    sql,
    'item',
    gone.map(({ id }) => id),
  )
}
