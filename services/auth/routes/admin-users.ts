import { problems, requireVersion } from '@ait/kit'
import { changeAccount, removeFactors } from '../accounts/change.ts'
import { checkGroups, checkTimeZone, checkedEmail } from '../accounts/checks.ts'
import { createAccount } from '../accounts/create.ts'
import { mailLink, notify } from '../accounts/mail.ts'
import { toPersonEvent, toUser } from '../accounts/present.ts'
import { personalTokenIds } from '../db/api-tokens.ts'
import { setGroups } from '../db/groups.ts'
import { insertRevocations } from '../db/revocations.ts'
import { deleteUser, findAccount, listAccounts, lockAccount, lockAdmins, type Account } from '../db/users.ts'
import { searchWords } from '../domain/directory.ts'
import { route, type AuthUnit } from '../kit.ts'
import { endSessionsOf } from '../sessions/end.ts'
import { hashChosen } from '../sign-in/password.ts'

export const listUsers = route('listUsers', async (ctx) => {
  const { q = '', role, disabled, group } = ctx.query
  const filter = {
    words: searchWords(q),
    ...(role && { role }),
    ...(disabled !== undefined && { disabled }),
    ...(group && { group }),
  }
  const rows = await listAccounts(ctx.sql, filter, ctx.page)
  const page = ctx.pageOf(rows, (row) => [row.full_name, row.id])
  return { ...page, items: page.items.map(toUser) }
})

export const createUser = route('createUser', async (ctx) => {
  const { password, full_name, ...rest } = ctx.body
  const email = checkedEmail(rest.email)
  checkTimeZone(rest.time_zone)
  await checkGroups(ctx.sql, rest.groups ?? [])
  const password_hash =
    password === undefined ? null : await hashChosen(ctx, password, { email, fullName: full_name })
  const account = await ctx.write(async (unit) => {
    const made = await createAccount(unit, { ...rest, email, full_name, password_hash })
    if (!made) throw problems.conflict('email_taken', 'An account with this address exists')
    if (!password_hash) await mailLink(unit, made, 'reset_password', { template: 'set_password', hours: 72 })
    return made
  })
  ctx.etag(account.version)
  return toUser(account)
})

export const getAccount = route('getAccount', async (ctx) => {
  const account = await findAccount(ctx.sql, ctx.params.id)
  if (!account) throw problems.notFound()
  ctx.etag(account.version)
  return toUser(account)
})

export const updateAccount = route('updateAccount', async (ctx) => {
  const { groups, disabled, ...fields } = ctx.body
  checkTimeZone(fields.time_zone)
  if (groups) await checkGroups(ctx.sql, groups)
  const leavesOffice = disabled === true || (fields.role !== undefined && fields.role !== 'admin')
  const account = await lockForAdministration(ctx, ctx.params.id, leavesOffice)
  requireVersion(account.version, ctx.ifMatch)
  if (groups) await setGroups(ctx.sql, account.id, groups)
  const disabled_at =
    disabled === undefined
      ? account.disabled_at
      : disabled
        ? (account.disabled_at ?? ctx.now().toISOString())
        : null
  const changed = await changeAccount(ctx, account, { ...fields, disabled_at })
  await ctx.audit('user.updated', { type: 'user', id: account.id }, ctx.body)
  await applyConsequences(ctx, account, changed)
  ctx.etag(changed.version)
  return toUser(changed)
})

/** Somebody with less than before has to sign in again, and somebody disabled is out at once. */
async function applyConsequences(unit: AuthUnit, before: Account, after: Account): Promise<void> {
  const was = before.disabled_at !== null
  const is = after.disabled_at !== null
  if (is && !was) {
    await shutOut(unit, after.id, 'disabled')
    await unit.emit('auth.user.disabled.v1', after.id, toPersonEvent(after))
  } else if (was && !is) await unit.emit('auth.user.enabled.v1', after.id, toPersonEvent(after))
  else if (before.role !== after.role && after.role !== 'admin') await shutOut(unit, after.id, 'demoted')
}

export const deleteAccount = route('deleteAccount', async (ctx) => {
  const { id, version } = await lockForAdministration(ctx, ctx.params.id, true)
  await shutOut(ctx, id, 'deleted')
  await deleteUser(ctx.sql, id)
  await ctx.emit('auth.user.deleted.v1', id, { id, version: version + 1 })
  await ctx.audit('user.deleted', { type: 'user', id })
})

export const endAccountSessions = route('endAccountSessions', async (ctx) => {
  const { id } = await lockForAdministration(ctx, ctx.params.id, false)
  return { ended: await endSessionsOf(ctx, id, 'ended') }
})

export const resetAccountMfa = route('resetAccountMfa', async (ctx) => {
  const account = await lockForAdministration(ctx, ctx.params.id, false)
  await removeFactors(ctx, account.id)
  await ctx.audit('mfa.reset', { type: 'user', id: account.id })
  await notify(ctx, account, 'mfa_changed', { change: 'mfa.reset' })
})

/** Ends sessions, and makes what personal access tokens were verified with be asked again. */
async function shutOut(
  unit: AuthUnit,
  userId: string,
  reason: 'disabled' | 'demoted' | 'deleted',
): Promise<void> {
  await endSessionsOf(unit, userId, reason)
  await insertRevocations(unit.sql, await personalTokenIds(unit.sql, userId), unit.now())
}

/** @throws Problem 404; 409 when the change would leave nobody to administer */
async function lockForAdministration({ sql }: AuthUnit, id: string, leavesOffice: boolean): Promise<Account> {
  const admins = leavesOffice ? await lockAdmins(sql) : []
  if (admins.length === 1 && admins[0] === id)
    throw problems.conflict('last_admin', 'This is the last administrator: appoint another one first')
  const account = await lockAccount(sql, id)
  if (!account) throw problems.notFound()
  return account
}
