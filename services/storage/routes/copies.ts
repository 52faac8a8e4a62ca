import { newId, principalId, Problem, type Sql } from '@ait/kit'

import { freeBytes } from '../domain/quota.ts'
import { listTree, type EntryRow } from '../db/queries.ts'
import { insertTree, type CopiedEntry } from '../db/tree.ts'
import { route } from '../kit.ts'
import { nameFrom, placeFrom, requireDepth, takeRoom, takeTree, type Place } from '../upload/place.ts'
import { freeNameIn } from '../upload/save.ts'
import { quotaExceeded } from '../upload/receive.ts'
import { present } from './present.ts'

export const copyEntry = route('copyEntry', async (ctx) => {
  const source = await ctx.find('entry', ctx.params.id, 'view')
  const { owner } = await placeFrom(ctx.sql, ctx.body.folder_id, ctx.principal)
  const tree = await takeTree(ctx, owner)
  const place = await placeFrom(ctx.sql, ctx.body.folder_id, ctx.principal)
  const rows = await treeOf(ctx.sql, source, ctx.config.STORAGE_TREE_MAX_ENTRIES)
  const bytes = rows.reduce((sum, row) => sum + (row.size ?? 0), 0)
  if (bytes > freeBytes(tree)) throw quotaExceeded(freeBytes(tree))
  takeRoom(tree, rows.length)
  requireDepth(place, Math.max(...rows.map((row) => row.path.length)) - source.path.length)
  const wanted = ctx.body.name === undefined ? source.name : nameFrom(ctx.body.name, ['body', 'name'])
  const name = await freeNameIn(ctx.sql, owner, place.id, wanted)
  const copies = copiesOf(rows, place, name, principalId(ctx.principal) as string)
  await insertTree(ctx.sql, copies)
  const copy = await ctx.find('entry', (copies[0] as CopiedEntry).id, 'view')
  await ctx.audit('entry.copied', { type: 'entry', id: copy.id }, { from: source.id })
  ctx.etag(copy.version)
  return present(copy)
})

/** An entry and all below it, from the top down. @throws Problem 413 when there is too much. */
export async function treeOf(sql: Sql, entry: EntryRow, entriesMax: number): Promise<EntryRow[]> {
  const rows = await listTree(sql, entry.id, entriesMax + 1)
  if (rows.length > entriesMax)
    throw new Problem(413, 'too_many_entries', `At most ${entriesMax} files and folders at once`)
  return rows
}

/** Parents come before their children, so each copy knows where its parent's copy is. */
function copiesOf(rows: readonly EntryRow[], place: Place, name: string, created_by: string): CopiedEntry[] {
  const places = new Map<string | null, Place>()
  return rows.map((row, index) => {
    const isTop = index === 0
    const parent = isTop ? place : (places.get(row.parent_id) as Place)
    const id = newId()
    const path = [...parent.path, id]
    places.set(row.id, { owner: place.owner, id, path })
    const { kind, sha256, size, content_type } = row
    const entry = {
      id,
      owner_id: place.owner,
      kind,
      parent_id: parent.id,
      path,
      name: isTop ? name : row.name,
    }
    return { ...entry, sha256, size, content_type, created_by }
  })
}
