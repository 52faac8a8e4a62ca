import { newId, principalId, problems, requireVersion, type Sql } from '@ait/kit'

import {
  findByName,
  findFolder,
  listChildren,
  listKey,
  listShared as sharedWith,
  searchEntries as search,
  type EntryRow,
} from '../db/queries.ts'
import { heightOf, insertEntry, moveEntry } from '../db/tree.ts'
import { route, type StorageContext } from '../kit.ts'
import {
  nameFrom,
  pathFrom,
  placeFrom,
  requireDepth,
  takeRoom,
  takeTree,
  topOf,
  type Place,
} from '../upload/place.ts'
import { nameTaken } from '../upload/save.ts'
import { listingOf } from './listing.ts'
import { present, presentWithPath } from './present.ts'
import { moveToTrash } from './trash.ts'

export const listEntries = route('listEntries', async (ctx) => {
  const owner = principalId(ctx.principal) as string
  const folder = await findFolder(ctx.sql, owner, pathFrom(ctx.query.folder ?? '', ['query', 'folder']))
  return folder === undefined ? ctx.pageOf([], () => []) : childrenOf(ctx, owner, folder?.id ?? null)
})

export const listFolder = route('listFolder', async (ctx) => {
  const folder = await ctx.find('entry', ctx.params.id, 'view')
  if (folder.kind !== 'folder') throw problems.notFound()
  return childrenOf(ctx, folder.owner_id, folder.id)
})

async function childrenOf(ctx: StorageContext, owner: string, parent: string | null) {
  const listing = listingOf(ctx.query, ctx.page)
  const rows = await listChildren(ctx.sql, owner, parent, listing)
  const page = ctx.pageOf(rows, listKey(listing))
  return { ...page, items: page.items.map(present) }
}

export const searchEntries = route('searchEntries', async (ctx) => {
  // May take long; in a transaction it takes its turn, so that many at once leave the others a connection.
  const rows = await ctx.write(({ sql }) => search(sql, ctx.principal, ctx.query.q, ctx.query.kind, ctx.page))
  const page = ctx.pageOf(rows, (row) => [row.name, row.id])
  return { ...page, items: page.items.map(present) }
})

export const listShared = route('listShared', async (ctx) => {
  const rows = await sharedWith(ctx.sql, ctx.principal as { kind: 'service'; id: string }, ctx.page)
  const page = ctx.pageOf(rows, (row) => [row.id])
  return { ...page, items: page.items.map(present) }
})

export const getEntry = route('getEntry', async (ctx) => {
  const entry = await ctx.find('entry', ctx.params.id, 'view')
  ctx.etag(entry.version)
  return presentWithPath(ctx.sql, ctx.principal, entry)
})

export const createFolder = route('createFolder', async (ctx) => {
  const name = nameFrom(ctx.body.name, ['body', 'name'])
  const { owner } = await placeFrom(ctx.sql, ctx.body.folder_id ?? null, ctx.principal)
  const tree = await takeTree(ctx, owner)
  const place = await placeFrom(ctx.sql, ctx.body.folder_id ?? null, ctx.principal)
  takeRoom(tree, 1)
  requireDepth(place, 0)
  await requireFreeName(ctx.sql, place, name)
  const id = newId()
  const created_by = principalId(ctx.principal) as string
  const path = [...place.path, id]
  await insertEntry(ctx.sql, {
    id,
    owner_id: owner,
    kind: 'folder',
    parent_id: place.id,
    path,
    name,
    created_by,
  })
  await ctx.audit('folder.created', { type: 'entry', id }, { name })
  const folder = await ctx.find('entry', id, 'view')
  ctx.etag(folder.version)
  return present(folder)
})

export const updateEntry = route('updateEntry', async (ctx) => {
  const { owner_id } = await ctx.find('entry', ctx.params.id, 'edit')
  await takeTree(ctx, owner_id)
  const entry = await ctx.find('entry', ctx.params.id, 'edit')
  requireVersion(entry.version, ctx.ifMatch)
  const name = ctx.body.name === undefined ? entry.name : nameFrom(ctx.body.name, ['body', 'name'])
  const place = await newPlace(ctx, entry)
  if (name !== entry.name || place.id !== entry.parent_id) {
    await requireFreeName(ctx.sql, place, name)
    await moveEntry(ctx.sql, entry, { parent_id: place.id, path: [...place.path, entry.id], name })
    await ctx.audit('entry.moved', { type: 'entry', id: entry.id }, { name, folder_id: place.id })
  }
  const saved = await ctx.find('entry', entry.id, 'view')
  ctx.etag(saved.version)
  return present(saved)
})

/** Where an entry is to stand. Only its owner may take something out of a folder that was shared. */
async function newPlace(ctx: StorageContext, entry: EntryRow): Promise<Place> {
  const folderId = ctx.body.folder_id as string | null | undefined
  const path = entry.path.slice(0, -1)
  if (folderId === undefined || folderId === entry.parent_id)
    return { owner: entry.owner_id, id: entry.parent_id, path }
  if (folderId === null && principalId(ctx.principal) !== entry.owner_id)
    throw problems.forbidden('Only the owner may move this to the top')
  const place = folderId === null ? topOf(entry.owner_id) : await placeFrom(ctx.sql, folderId, ctx.principal)
  const loc = ['body', 'folder_id']
  if (place.owner !== entry.owner_id)
    throw problems.invalid(loc, 'belongs to somebody else: copy instead', 'other_owner')
  if (place.path.includes(entry.id)) throw problems.invalid(loc, 'is inside what is to be moved', 'cycle')
  requireDepth(place, await heightOf(ctx.sql, entry))
  return place
}

async function requireFreeName(sql: Sql, place: Place, name: string): Promise<void> {
  if (await findByName(sql, place.owner, place.id, name)) throw nameTaken(name)
}

export const deleteEntry = route('deleteEntry', (ctx) => moveToTrash(ctx, ctx.params.id))
