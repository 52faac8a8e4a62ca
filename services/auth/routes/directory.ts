import { problems } from '@ait/kit'
import { refuseGuests } from '../accounts/person.ts'
import { toDirectoryEntry } from '../accounts/present.ts'
import { findAccount, findAccounts, listAccounts } from '../db/users.ts'
import { searchWords } from '../domain/directory.ts'
import { route } from '../kit.ts'

export const searchUsers = route('searchUsers', async (ctx) => {
  refuseGuests(ctx)
  const rows = await listAccounts(
    ctx.sql,
    { words: searchWords(ctx.query.q ?? ''), disabled: false },
    ctx.page,
  )
  const page = ctx.pageOf(rows, (row) => [row.full_name, row.id])
  return { ...page, items: page.items.map(toDirectoryEntry) }
})

export const getUser = route('getUser', async (ctx) => {
  const account = await findAccount(ctx.sql, ctx.params.id)
  if (!account) throw problems.notFound()
  return toDirectoryEntry(account)
})

export const lookupUsers = route('lookupUsers', async (ctx) => {
  const rows = await findAccounts(ctx.sql, ctx.body.ids)
  return { items: rows.map(toDirectoryEntry) }
})
