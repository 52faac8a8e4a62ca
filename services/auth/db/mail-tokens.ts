import type { Sql } from '@ait/kit'
import type { MailTokensRow } from './types.ts'

export type Purpose = 'register' | 'verify_email' | 'change_email' | 'reset_password' | 'setup'

export const insertMailToken = (
  sql: Sql,
  token: { hash: Buffer; purpose: Purpose; userId?: string; email?: string; data?: object; expiresAt: Date },
) => sql`
  insert into mail_tokens (hash, purpose, user_id, email, data, expires_at)
  values (${token.hash}, ${token.purpose}, ${token.userId ?? null}, ${token.email ?? null},
    ${sql.json((token.data ?? {}) as never)}, ${token.expiresAt})`

export const findMailToken = async (
  sql: Sql,
  hash: Buffer,
  purpose: Purpose,
  now: Date,
): Promise<MailTokensRow | undefined> =>
  (
    await sql<MailTokensRow[]>`
      select * from mail_tokens where hash = ${hash} and purpose = ${purpose} and expires_at > ${now}`
  )[0]

/** Gives a stored token its secret, once it is to be mailed. */
export const renameMailToken = async (
  sql: Sql,
  before: Buffer,
  after: Buffer,
): Promise<MailTokensRow | undefined> =>
  (await sql<MailTokensRow[]>`update mail_tokens set hash = ${after} where hash = ${before} returning *`)[0]

/** The token, which is used up by this; undefined when it is unknown, expired or for something else. */
export const takeMailToken = async (
  sql: Sql,
  hash: Buffer,
  purpose: readonly Purpose[],
  now: Date,
): Promise<(MailTokensRow & { purpose: Purpose }) | undefined> =>
  (
    await sql<(MailTokensRow & { purpose: Purpose })[]>`
      delete from mail_tokens where hash = ${hash} and purpose = any(${purpose as string[]}) and expires_at > ${now}
      returning *`
  )[0]

/** Links of one kind that were sent to a person before stop working. */
export const dropMailTokens = (sql: Sql, userId: string, purpose: Purpose) =>
  sql`delete from mail_tokens where user_id = ${userId} and purpose = ${purpose}`

export const dropSetupTokens = (sql: Sql) => sql`delete from mail_tokens where purpose = 'setup'`

export const forgetMailTokens = (sql: Sql, before: Date) =>
  sql`delete from mail_tokens where expires_at < ${before}`
