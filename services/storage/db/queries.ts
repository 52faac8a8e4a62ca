import { visibleTo, type Fragment, type PageRequest, type Principal, type Sql } from '@ait/kit'

import type { EntriesRow } from './types.ts'

export type Kind = 'file' | 'folder'
/** An entry with the scan state of its content (null for a folder). */
export type EntryRow = EntriesRow & {
  kind: Kind
  scan: 'unscanned' | 'pending' | 'clean' | 'infected' | null
}
export type FileRow = EntryRow & { revision: number; sha256: string; size: number; content_type: string }

/** What every answer is made of. */
const select = (sql: Sql) => sql`select e.*, b.scan from entries e left join blobs b on b.sha256 = e.sha256`

/** Directly in a folder; null is the top. In two forms, as `is not distinct from` uses no index. */
const inFolder = (sql: Sql, parent: string | null): Fragment =>
  parent === null ? sql`e.parent_id is null` : sql`e.parent_id = ${parent}`

export const findEntry = async (sql: Sql, id: string): Promise<EntryRow | undefined> =>
  (await sql<EntryRow[]>`${select(sql)} where e.id = ${id} and e.trashed_at is null`)[0]

/** The top of a tree in the trash. */
export const findTrashed = async (sql: Sql, id: string): Promise<EntryRow | undefined> =>
  (
    await sql<EntryRow[]>`
      ${select(sql)} where e.id = ${id} and e.trashed_at is not null and e.parent_id is null`
  )[0]

export const findByName = async (
  sql: Sql,
  owner: string,
  parent: string | null,
  name: string,
): Promise<EntryRow | undefined> =>
  (
    await sql<EntryRow[]>`
      ${select(sql)} where e.owner_id = ${owner} and ${inFolder(sql, parent)}
        and e.name = ${name} and e.trashed_at is null`
  )[0]

/** The folder at the end of a path; null for the top, undefined when there is none. */
export async function findFolder(
  sql: Sql,
  owner: string,
  names: readonly string[],
): Promise<EntryRow | null | undefined> {
  let folder: EntryRow | null = null
  for (const name of names) {
    const next: EntryRow | undefined = await findByName(sql, owner, folder?.id ?? null, name)
    if (next?.kind !== 'folder') return undefined
    folder = next
  }
  return folder
}

/** Names in a folder that begin alike: enough to find a free one. */
export const namesLike = async (
  sql: Sql,
  owner: string,
  parent: string | null,
  stem: string,
): Promise<Set<string>> =>
  new Set(
    (
      await sql<{ name: string }[]>`
        select e.name from entries e where e.owner_id = ${owner} and ${inFolder(sql, parent)}
          and starts_with(e.name, ${stem}) and e.trashed_at is null`
    ).map((row) => row.name),
  )

/** The folders above an entry that the principal may see, from the top down. */
export const visibleAncestors = (sql: Sql, principal: Principal, entry: EntryRow) => sql<
  { id: string; name: string }[]
>`
  select e.id, e.name from entries e
  where e.id = any(${entry.path}::uuid[]) and e.id <> ${entry.id} and ${visible(sql, principal)}
  order by array_length(e.path, 1)`

const visible = (sql: Sql, principal: Principal): Fragment =>
  visibleTo(sql, 'entry', principal, { owner: sql`e.owner_id`, scope: sql`e.path` })

export type Sort = 'name' | 'size' | 'created_at' | 'updated_at'
export type Listing = {
  kind?: Kind | undefined
  contentType?: string | undefined
  sort: Sort
  descending: boolean
  page: PageRequest
}

/** Where an item stands in a list: what its page's cursor keeps. */
export const listKey = (listing: Listing) => (row: EntryRow) => [
  row.kind === 'file' ? 1 : 0,
  listing.sort === 'size' ? (row.size ?? 0) : row[listing.sort],
  row.id,
]

/** The children of a folder, or of an owner's top: folders first, then by the chosen order. */
export function listChildren(sql: Sql, owner: string, parent: string | null, listing: Listing) {
  const { kind, contentType, descending, page } = listing
  const column = {
    name: sql`e.name`,
    size: sql`coalesce(e.size, 0)`,
    created_at: sql`e.created_at`,
    updated_at: sql`e.updated_at`,
  }[listing.sort]
  const isFile = sql`(e.kind = 'file')::int`
  const [file, value, id] = (page.after ?? []) as [number, string, string]
  const further = descending ? sql`<` : sql`>`
  return sql<EntryRow[]>`
    ${select(sql)}
    where e.owner_id = ${owner} and ${inFolder(sql, parent)} and e.trashed_at is null
      ${kind ? sql`and e.kind = ${kind}` : sql``}
      ${contentType ? sql`and starts_with(e.content_type, ${contentType})` : sql``}
      ${page.after ? sql`and (${isFile} > ${file} or (${isFile} = ${file} and (${column}, e.id) ${further} (${value}, ${id})))` : sql``}
    order by ${isFile}, ${column} ${descending ? sql`desc` : sql``}, e.id ${descending ? sql`desc` : sql``}
    limit ${page.limit + 1}`
}

export const searchEntries = (
  sql: Sql,
  principal: Principal,
  text: string,
  kind: Kind | undefined,
  page: PageRequest,
) => sql<EntryRow[]>`
  ${select(sql)}
  where search_text(e.name) like '%' || replace(replace(replace(search_text(${text}), '\\', '\\\\'), '%', '\\%'), '_', '\\_') || '%'
    and e.trashed_at is null and ${visible(sql, principal)}
    ${kind ? sql`and e.kind = ${kind}` : sql``}
    ${page.after ? sql`and (e.name, e.id) > (${page.after[0] as string}, ${page.after[1] as string})` : sql``}
  order by e.name, e.id limit ${page.limit + 1}`

/** What was shared with somebody by its own share, not by that of a folder above it. */
export function listShared(sql: Sql, principal: Principal & { id: string }, page: PageRequest) {
  const groups = principal.kind === 'user' ? principal.groups : []
  return sql<EntryRow[]>`
    ${select(sql)}
    where e.id in (select resource_id from kit.shares where resource_type = 'entry' and (
        (subject_type = 'user' and subject_id = ${principal.id})
        or (subject_type = 'group' and subject_id = any(${groups as string[]}::text[])) or subject_type = 'everyone'))
      and ${visibleTo(sql, 'entry', principal, { owner: sql`e.owner_id`, scope: sql`array[e.id]` })}
      and e.owner_id <> ${principal.id} and e.trashed_at is null
      ${page.after ? sql`and e.id < ${page.after[0] as string}` : sql``}
    order by e.id desc limit ${page.limit + 1}`
}

export const listTrash = (sql: Sql, owner: string, page: PageRequest) => sql<EntryRow[]>`
  ${select(sql)}
  where e.owner_id = ${owner} and e.trashed_at is not null and e.parent_id is null
    ${page.after ? sql`and (e.trashed_at, e.id) < (${page.after[0] as string}, ${page.after[1] as string})` : sql``}
  order by e.trashed_at desc, e.id desc limit ${page.limit + 1}`

/** All below a folder, the folder itself included, level by level. */
export const listTree = (sql: Sql, root: string, limit: number) => sql<EntryRow[]>`
  ${select(sql)} where e.path @> array[${root}::uuid] order by array_length(e.path, 1), e.id limit ${limit}`
