import { principalId } from '@ait/kit'

import { purgeTime } from '../domain/retention.ts'
import { findEntry, listTrash as trashOf, type EntryRow } from '../db/queries.ts'
import { deleteTrees, heightOf, moveEntry, trashedTops, trashTree, untrashTree } from '../db/tree.ts'
import { route, type StorageContext, type StorageUnit } from '../kit.ts'
import { placeOf, takeTree, topOf, type Place } from '../upload/place.ts'
import { freeNameIn } from '../upload/save.ts'
import { DEPTH_MAX } from '../domain/names.ts'
import { present } from './present.ts'

/** Puts an entry with all below it into its owner's trash. */
export async function moveToTrash(ctx: StorageContext, id: string): Promise<void> {
  const seen = await ctx.find('entry', id, 'delete')
  await takeTree(ctx, seen.owner_id)
  const entry = await ctx.find('entry', id, 'delete')
  await trashTree(ctx.sql, entry, ctx.now())
  await ctx.emit('storage.entry.trashed.v1', id, eventOf(entry, entry.version + 1))
  await ctx.audit('entry.trashed', { type: 'entry', id }, { name: entry.name })
}

export const listTrash = route('listTrash', async (ctx) => {
  const rows = await trashOf(ctx.sql, principalId(ctx.principal) as string, ctx.page)
  const page = ctx.pageOf(rows, (row) => [row.trashed_at, row.id])
  return {
    ...page,
    items: page.items.map(({ id, kind, name, size, trashed_at }) => ({
      id,
      kind,
      name,
      size,
      trashed_at: trashed_at as string,
      purged_at: purgeTime(trashed_at as string, ctx.config.STORAGE_TRASH_DAYS),
    })),
  }
})

export const restoreEntry = route('restoreEntry', async (ctx) => {
  const { owner_id } = await ctx.find('trashed', ctx.params.id, 'restore')
  await takeTree(ctx, owner_id)
  const entry = await ctx.find('trashed', ctx.params.id, 'restore')
  const { sql } = ctx
  const place = await formerPlace(sql, entry)
  const name = await freeNameIn(sql, owner_id, place.id, entry.name)
  await moveEntry(sql, entry, { parent_id: place.id, path: [...place.path, entry.id], name })
  await untrashTree(sql, entry.id)
  const restored = (await findEntry(sql, entry.id)) as EntryRow
  await ctx.emit('storage.entry.restored.v1', entry.id, eventOf(restored, restored.version))
  await ctx.audit('entry.restored', { type: 'entry', id: entry.id })
  ctx.etag(restored.version)
  return present(restored)
})

/** The folder that an entry was in; the top when that folder is gone, or has become too deep for it. */
async function formerPlace(sql: StorageUnit['sql'], entry: EntryRow): Promise<Place> {
  const folder = entry.trashed_from ? await findEntry(sql, entry.trashed_from) : undefined
  if (folder?.kind !== 'folder' || folder.owner_id !== entry.owner_id) return topOf(entry.owner_id)
  const fits = folder.path.length + 1 + (await heightOf(sql, entry)) <= DEPTH_MAX
  return fits ? placeOf(folder) : topOf(entry.owner_id)
}

export const purgeEntry = route('purgeEntry', async (ctx) => {
  const { owner_id } = await ctx.find('trashed', ctx.params.id, 'purge')
  await takeTree(ctx, owner_id)
  await purge(ctx, [await ctx.find('trashed', ctx.params.id, 'purge')])
})

export const emptyTrash = route('emptyTrash', async (ctx) => {
  const owner = principalId(ctx.principal) as string
  await takeTree(ctx, owner)
  await purge(ctx, await trashedTops(ctx.sql, owner, ctx.now()))
})

/** Removes tops of the trash for good. Their contents stay in the store until the cleanup. */
export async function purge(unit: StorageUnit, tops: readonly EntryRow[]): Promise<void> {
  if (tops.length === 0) return
  await deleteTrees(
    unit.sql,
    tops.map((entry) => entry.id),
  )
  for (const entry of tops) {
    await unit.emit('storage.entry.purged.v1', entry.id, eventOf(entry, entry.version + 1))
    await unit.audit('entry.purged', { type: 'entry', id: entry.id }, { name: entry.name })
  }
}

const eventOf = ({ id, owner_id, kind }: EntryRow, version: number) => ({ id, owner_id, kind, version })
