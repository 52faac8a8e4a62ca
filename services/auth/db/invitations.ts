import type { PageRequest, Sql } from '@ait/kit'
import type { InvitationsRow } from './types.ts'

export type { InvitationsRow }

const open = (sql: Sql, now: Date) => sql`accepted_at is null and revoked_at is null and expires_at > ${now}`

export const findInvitation = async (
  sql: Sql,
  tokenHash: Buffer,
  now: Date,
): Promise<InvitationsRow | undefined> =>
  (
    await sql<
      InvitationsRow[]
    >`select * from invitations where token_hash = ${tokenHash} and ${open(sql, now)}`
  )[0]

export const findInvitationFor = async (
  sql: Sql,
  email: string,
  now: Date,
): Promise<InvitationsRow | undefined> =>
  (await sql<InvitationsRow[]>`select * from invitations where email = ${email} and ${open(sql, now)}`)[0]

/** False when somebody else accepted or withdrew it meanwhile. */
export const acceptInvitation = async (sql: Sql, id: string, now: Date): Promise<boolean> => {
  const [row] = await sql`
    update invitations set accepted_at = ${now} where id = ${id} and ${open(sql, now)} returning id`
  return row !== undefined
}

export const revokeInvitations = (sql: Sql, email: string, now: Date) => sql`
  update invitations set revoked_at = ${now} where email = ${email} and accepted_at is null and revoked_at is null`

export const revokeInvitationRow = async (sql: Sql, id: string, now: Date): Promise<boolean> => {
  const [row] = await sql`
    update invitations set revoked_at = ${now}
    where id = ${id} and accepted_at is null and revoked_at is null returning id`
  return row !== undefined
}

export async function insertInvitation(
  sql: Sql,
  invitation: Pick<InvitationsRow, 'id' | 'email' | 'role' | 'groups' | 'token_hash' | 'invited_by'>,
  now: Date,
  expiresAt: Date,
): Promise<InvitationsRow> {
  const [row] = await sql<InvitationsRow[]>`
    insert into invitations (id, email, role, groups, token_hash, invited_by, created_at, expires_at)
    values (${invitation.id}, ${invitation.email}, ${invitation.role}, ${invitation.groups}, ${invitation.token_hash},
      ${invitation.invited_by}, ${now}, ${expiresAt}) returning *`
  return row as InvitationsRow
}

export const listInvitations = (sql: Sql, onlyOpen: boolean, now: Date, page: PageRequest) => sql<
  InvitationsRow[]
>`
  select * from invitations where ${onlyOpen ? open(sql, now) : sql`true`}
    ${page.after ? sql`and id < ${page.after[0]!}` : sql``}
  order by id desc limit ${page.limit + 1}`
