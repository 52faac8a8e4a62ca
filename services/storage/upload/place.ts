import { findFor, newId, principalId, Problem, problems, type Principal, type Sql } from '@ait/kit'

import { DEPTH_MAX, folderPath, NameError, safeName } from '../domain/names.ts'
import type { Account } from '../domain/quota.ts'
import { findByName, type EntryRow } from '../db/queries.ts'
import { insertEntry, lockTree } from '../db/tree.ts'
import type { StorageUnit } from '../kit.ts'
import { policy } from '../policy.ts'

/** A folder to put things into, or an owner's top (`id` null). `path` are the ids down to it. */
export type Place = { owner: string; id: string | null; path: readonly string[] }

export type Tree = Account & { owner: string; entry_count: number; entries_max: number }

export const topOf = (owner: string): Place => ({ owner, id: null, path: [] })
export const placeOf = (folder: EntryRow): Place => ({
  owner: folder.owner_id,
  id: folder.id,
  path: folder.path,
})

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The folder that somebody wants to put something into; null is their own top. @throws Problem 404, 403, 422 */
export async function placeFrom(sql: Sql, id: string | null, principal: Principal): Promise<Place> {
  if (id === null) return topOf(principalId(principal) as string)
  if (!uuid.test(id)) throw problems.invalid(['body', 'folder_id'], 'is not an id', 'format')
  const folder = (await findFor(sql, policy, 'entry', id, 'edit', principal)) as EntryRow
  if (folder.kind !== 'folder') throw problems.invalid(['body', 'folder_id'], 'is a file', 'not_a_folder')
  return placeOf(folder)
}

/** Takes an owner's tree for this transaction, and says how much room is in it. */
export async function takeTree(
  { sql, config }: Pick<StorageUnit, 'sql' | 'config'>,
  owner: string,
): Promise<Tree> {
  const { quota_bytes, used_bytes, entry_count } = await lockTree(sql, owner)
  return {
    owner,
    quota_bytes: quota_bytes ?? config.STORAGE_QUOTA_BYTES,
    used_bytes,
    entry_count,
    entries_max: config.STORAGE_MAX_ENTRIES,
  }
}

/** Counts new entries in. @throws Problem 413 when a tree would hold too many. */
export function takeRoom(tree: Tree, entries: number): void {
  if (tree.entry_count + entries > tree.entries_max)
    throw new Problem(413, 'too_many_entries', `At most ${tree.entries_max} files and folders`)
  tree.entry_count += entries
}

/** Walks along a path in an owner's own tree and makes the folders that are missing. The tree must be taken. */
export async function makeFolders(
  sql: Sql,
  tree: Tree,
  names: readonly string[],
  by: string,
): Promise<Place> {
  let place = topOf(tree.owner)
  for (const name of names) {
    const found = await findByName(sql, tree.owner, place.id, name)
    if (found?.kind === 'file')
      throw problems.invalid(['body', 'folder'], `${name} is a file`, 'not_a_folder')
    place = found ? placeOf(found) : await makeFolder(sql, tree, place, name, by)
  }
  return place
}

async function makeFolder(sql: Sql, tree: Tree, place: Place, name: string, by: string): Promise<Place> {
  takeRoom(tree, 1)
  const id = newId()
  const path = [...place.path, id]
  await insertEntry(sql, {
    id,
    owner_id: tree.owner,
    kind: 'folder',
    parent_id: place.id,
    path,
    name,
    created_by: by,
  })
  return { owner: tree.owner, id, path }
}

/** @throws Problem 422 when something at `place` with `height` levels below it would be too deep. */
export function requireDepth(place: Place, height: number): void {
  if (place.path.length + 1 + height > DEPTH_MAX)
    throw problems.invalid(['body', 'folder_id'], `is too deep: at most ${DEPTH_MAX} folders`, 'too_deep')
}

/** A safe name from a request. @throws Problem 422 naming the field. */
export const nameFrom = (value: string, loc: string[]): string => named(() => safeName(value), loc)
/** The names of a folder path from a request. @throws Problem 422 naming the field. */
export const pathFrom = (value: string, loc: string[]): string[] => named(() => folderPath(value), loc)

function named<T>(read: () => T, loc: string[]): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof NameError) throw problems.invalid(loc, error.message, 'name')
    throw error
  }
}
