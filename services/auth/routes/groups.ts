import { newId, problems, requireVersion } from '@ait/kit'
import { refuseGuests } from '../accounts/person.ts'
import { toDirectoryEntry } from '../accounts/present.ts'
import {
  addMembers as addMemberRows,
  deleteGroupRow,
  findGroup,
  insertGroup,
  listGroups as readGroups,
  listPermissions as readPermissions,
  removeMember as removeMemberRow,
  saveGroup,
  type Group,
} from '../db/groups.ts'
import { listMemberAccounts } from '../db/users.ts'
import { route, type AuthUnit } from '../kit.ts'

export const listGroups = route('listGroups', async (ctx) => {
  const rows = await readGroups(ctx.sql, ctx.page)
  return ctx.pageOf(rows, (row) => [row.title, row.id])
})

export const getGroup = route('getGroup', async (ctx) => {
  const group = await existing(ctx, ctx.params.id)
  ctx.etag(group.version)
  return group
})

export const createGroup = route('createGroup', async (ctx) => {
  const { name, title, description = '', permissions = [] } = ctx.body
  const id = newId()
  if (!(await insertGroup(ctx.sql, { id, name, title, description, permissions })))
    throw problems.conflict('name_taken', 'A group of this name exists')
  return announce(ctx, id, 'group.created')
})

export const updateGroup = route('updateGroup', async (ctx) => {
  const group = await existing(ctx, ctx.params.id)
  requireVersion(group.version, ctx.ifMatch)
  if (!(await saveGroup(ctx.sql, { ...group, ...ctx.body }))) throw problems.stale()
  const changed = await announce(ctx, group.id, 'group.updated', ctx.body)
  ctx.etag(changed.version)
  return changed
})

export const deleteGroup = route('deleteGroup', async (ctx) => {
  const { id, name } = await existing(ctx, ctx.params.id)
  await deleteGroupRow(ctx.sql, id)
  await ctx.emit('auth.group.deleted.v1', id, { id, name })
  await ctx.audit('group.deleted', { type: 'group', id }, { name })
})

export const listMembers = route('listMembers', async (ctx) => {
  refuseGuests(ctx)
  const group = await existing(ctx, ctx.params.id)
  const rows = await listMemberAccounts(ctx.sql, group.id, ctx.page)
  const page = ctx.pageOf(rows, (row) => [row.full_name, row.id])
  return { ...page, items: page.items.map(toDirectoryEntry) }
})

export const addMembers = route('addMembers', async (ctx) => {
  const { id } = await existing(ctx, ctx.params.id)
  await addMemberRows(ctx.sql, id, ctx.body.user_ids)
  await ctx.audit('group.members_added', { type: 'group', id }, { user_ids: ctx.body.user_ids })
  return existing(ctx, id)
})

export const removeMember = route('removeMember', async (ctx) => {
  const { id, user_id } = ctx.params
  if (!(await removeMemberRow(ctx.sql, id, user_id))) throw problems.notFound()
  await ctx.audit('group.member_removed', { type: 'group', id }, { user_id })
})

export const listPermissions = route('listPermissions', async (ctx) => {
  const rows = await readPermissions(ctx.sql, ctx.page)
  return ctx.pageOf(rows, (row) => [row.permission])
})

async function existing({ sql }: Pick<AuthUnit, 'sql'>, id: string): Promise<Group> {
  const group = await findGroup(sql, id)
  if (!group) throw problems.notFound()
  return group
}

async function announce(unit: AuthUnit, id: string, action: string, detail: object = {}): Promise<Group> {
  const group = await existing(unit, id)
  const { name, title, version } = group
  await unit.emit('auth.group.updated.v1', id, { id, name, title, version })
  await unit.audit(action, { type: 'group', id }, detail)
  return group
}
