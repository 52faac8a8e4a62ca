import { newId, problems, type Static } from '@ait/kit'
import { checkGroups, checkedEmail } from '../accounts/checks.ts'
import { linkInvalid, linkTo, requestMail } from '../accounts/mail.ts'
import type { Invitation } from '../contract/directory.ts'
import {
  findInvitation,
  insertInvitation,
  listInvitations as readInvitations,
  revokeInvitationRow,
  revokeInvitations,
  type InvitationsRow,
} from '../db/invitations.ts'
import { findAccountByEmail } from '../db/users.ts'
import { generateOpaqueToken, hashToken } from '../domain/opaque-token.ts'
import { person } from '../accounts/person.ts'
import { route } from '../kit.ts'

const invitationMs = 7 * 86_400_000

export const listInvitations = route('listInvitations', async (ctx) => {
  const rows = await readInvitations(ctx.sql, ctx.query.open ?? false, ctx.now(), ctx.page)
  const page = ctx.pageOf(rows, (row) => [row.id])
  return { ...page, items: page.items.map(present) }
})

export const invite = route('invite', async (ctx) => {
  const { role = 'user', groups = [], locale = 'en' } = ctx.body
  const email = checkedEmail(ctx.body.email)
  await checkGroups(ctx.sql, groups)
  if (await findAccountByEmail(ctx.sql, email))
    throw problems.conflict('email_taken', 'An account with this address exists')
  const { id: invited_by, name: inviter } = person(ctx)
  const token = generateOpaqueToken()
  await revokeInvitations(ctx.sql, email, ctx.now())
  const row = await insertInvitation(
    ctx.sql,
    { id: newId(), email, role, groups, token_hash: hashToken(token), invited_by },
    ctx.now(),
    new Date(ctx.now().getTime() + invitationMs),
  )
  await ctx.audit('invitation.sent', { type: 'invitation', id: row.id }, { email, role, groups })
  const data = { inviter, link: linkTo(ctx, '/register', token), days: '7' }
  await requestMail(ctx, { to: email, template: 'invitation', locale, data })
  return present(row)
})

export const revokeInvitation = route('revokeInvitation', async (ctx) => {
  if (!(await revokeInvitationRow(ctx.sql, ctx.params.id, ctx.now()))) throw problems.notFound()
  await ctx.audit('invitation.revoked', { type: 'invitation', id: ctx.params.id })
})

export const getInvitation = route('getInvitation', async (ctx) => {
  const row = await findInvitation(ctx.sql, hashToken(ctx.body.token), ctx.now())
  if (!row) throw linkInvalid()
  const { email, role, expires_at } = present(row)
  return { email, role, expires_at }
})

function present(row: InvitationsRow): Static<typeof Invitation> {
  const { token_hash: _hash, invited_by: _by, ...rest } = row
  return { ...rest, role: row.role as 'admin' | 'user' | 'guest' }
}
