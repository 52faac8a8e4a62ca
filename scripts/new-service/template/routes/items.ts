import { newId, principalId, problems, requireVersion } from '@ait/kit'
import { applyPatch, isCompleted } from '../domain/item.ts'
import { deleteItemRow, insertItem, listVisibleItems, saveItem } from '../db/queries.ts'
import { route } from '../kit.ts'

export const listItems = route('listItems', async (ctx) => {
  const rows = await listVisibleItems(ctx.sql, ctx.principal, ctx.query.done, ctx.page)
  return ctx.pageOf(rows, (item) => [item.id])
})

export const createItem = route('createItem', async (ctx) => {
  const owner_id = principalId(ctx.principal) as string
  const item = await insertItem(ctx.sql, {
    id: newId(),
    title: ctx.body.title,
    body: ctx.body.body ?? '',
    owner_id,
  })
  ctx.etag(item.version)
  return item
})

export const getItem = route('getItem', async (ctx) => {
  const item = await ctx.find('item', ctx.params.id, 'view')
  ctx.etag(item.version)
  return item
})

export const updateItem = route('updateItem', async (ctx) => {
  const item = await ctx.find('item', ctx.params.id, 'edit')
  requireVersion(item.version, ctx.ifMatch)
  const saved = await saveItem(ctx.sql, applyPatch(item, ctx.body))
  // Somebody was quicker between our read and our write.
  if (!saved) throw problems.stale()
  if (isCompleted(item, saved)) {
    const { id, owner_id, version } = saved
    await ctx.emit('example.item.completed.v1', id, { id, owner_id, version })
  }
  ctx.etag(saved.version)
  return { ...saved, abilities: item.abilities }
})

export const deleteItem = route('deleteItem', async (ctx) => {
  const item = await ctx.find('item', ctx.params.id, 'delete')
  await deleteItemRow(ctx.sql, item.id)
  await ctx.audit('item.deleted', { type: 'item', id: item.id }, { title: item.title })
})
