import type { Sql } from '@ait/kit'

import type { EntryRow, Kind } from './queries.ts'
import type { EntriesRow } from './types.ts'

/**
 * Takes an owner's tree for the rest of the transaction and answers what they keep: one change at a time per owner, so
 * that names, cycles and sums cannot be raced. Makes the row when this is the first time.
 */
export async function lockTree(
  sql: Sql,
  owner: string,
): Promise<{ quota_bytes: number | null; used_bytes: number; entry_count: number }> {
  await sql`insert into quotas (user_id) values (${owner}) on conflict do nothing`
  const [row] = await sql<{ quota_bytes: number | null; used_bytes: number; entry_count: number }[]>`
    select quota_bytes, used_bytes, entry_count from quotas where user_id = ${owner} for update`
  return row as NonNullable<typeof row>
}

type NewEntry = Pick<EntriesRow, 'id' | 'owner_id' | 'parent_id' | 'path' | 'name' | 'created_by'> & {
  kind: Kind
  sha256?: string | null
  size?: number | null
  content_type?: string | null
}

/** A new file begins with revision 1; the version of that number must be inserted in the same transaction. */
export async function insertEntry(sql: Sql, entry: NewEntry): Promise<EntriesRow> {
  const {
    id,
    owner_id,
    kind,
    parent_id,
    path,
    name,
    created_by,
    sha256 = null,
    size = null,
    content_type = null,
  } = entry
  const [row] = await sql<EntriesRow[]>`
    insert into entries (id, owner_id, kind, parent_id, path, name, revision, sha256, size, content_type, created_by)
    values (${id}, ${owner_id}, ${kind}, ${parent_id}, ${path}::uuid[], ${name}, ${kind === 'file' ? 1 : null},
      ${sha256}, ${size}, ${content_type}, ${created_by})
    returning *`
  return row as EntriesRow
}

export type CopiedEntry = NewEntry & {
  size: number | null
  sha256: string | null
  content_type: string | null
}

/** Inserts a whole tree in two statements, its files with their first versions. */
export async function insertTree(sql: Sql, entries: readonly CopiedEntry[]): Promise<void> {
  const rows = sql`jsonb_to_recordset(${sql.json(entries as never)}) as r (id uuid, owner_id text, kind text,
    parent_id uuid, path uuid[], name text, sha256 text, size bigint, content_type text, created_by text)`
  await sql`
    insert into entries (id, owner_id, kind, parent_id, path, name, revision, sha256, size, content_type, created_by)
    select id, owner_id, kind, parent_id, path, name, case kind when 'file' then 1 end, sha256, size, content_type, created_by
    from ${rows}`
  await sql`
    insert into versions (file_id, number, owner_id, sha256, size, content_type, created_by)
    select id, 1, owner_id, sha256, size, content_type, created_by from ${rows} where kind = 'file'`
}

/** Moves an entry and all below it. `path` is where it will stand, its own id last. */
export async function moveEntry(
  sql: Sql,
  entry: EntryRow,
  to: { parent_id: string | null; path: readonly string[]; name: string },
): Promise<void> {
  await sql`
    update entries set path = ${to.path as string[]}::uuid[] || path[${entry.path.length + 1}:]
    where path @> array[${entry.id}::uuid]`
  await sql`
    update entries set parent_id = ${to.parent_id}, name = ${to.name}, version = version + 1, updated_at = now()
    where id = ${entry.id}`
}

/** Levels below an entry; 0 for a file or an empty folder. */
export const heightOf = async (sql: Sql, entry: EntryRow): Promise<number> =>
  (
    await sql<{ height: number }[]>`
      select max(array_length(path, 1)) - ${entry.path.length}::int as height from entries
      where path @> array[${entry.id}::uuid]`
  )[0]?.height ?? 0

/** Makes a tree of its own in the trash of an entry and all below it. */
export async function trashTree(sql: Sql, entry: EntryRow, at: Date): Promise<void> {
  await sql`
    update entries set trashed_at = ${at}, path = path[${entry.path.length}:]
    where path @> array[${entry.id}::uuid]`
  await sql`
    update entries set parent_id = null, trashed_from = ${entry.parent_id}, version = version + 1 where id = ${entry.id}`
}

/** Takes a tree out of the trash; its place is set by `moveEntry` before. */
export const untrashTree = (sql: Sql, id: string) => sql`
  update entries set trashed_at = null, trashed_from = null where path @> array[${id}::uuid]`

/** Removes entries for good with all below them; their contents become orphans. Answers the ids that had shares. */
export const deleteTrees = (sql: Sql, ids: readonly string[]) => sql<{ id: string }[]>`
  with gone as (select id from entries where path && ${ids as string[]}::uuid[]),
    unshared as (delete from kit.shares where resource_type = 'entry' and resource_id in (select id from gone))
  delete from entries where id = any(${ids as string[]}::uuid[]) returning id`

/** Tops of an owner's trees in the trash that were put there before a time. */
export const trashedTops = (sql: Sql, owner: string, before: Date) => sql<EntryRow[]>`
  select * from entries where trashed_at is not null and parent_id is null
    and owner_id = ${owner} and trashed_at <= ${before} order by id`

/** Owners of what was put into the trash before a time. */
export const ownersOfTrash = (sql: Sql, before: Date, limit: number) => sql<{ owner_id: string }[]>`
  select distinct owner_id from entries
  where trashed_at is not null and parent_id is null and trashed_at <= ${before} limit ${limit}`
