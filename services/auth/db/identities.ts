import type { PageRequest, Sql } from '@ait/kit'
import type { IdentitiesRow } from './types.ts'

export type { IdentitiesRow }

export const findIdentity = async (
  sql: Sql,
  provider: string,
  subject: string,
): Promise<IdentitiesRow | undefined> =>
  (
    await sql<IdentitiesRow[]>`select * from identities where provider = ${provider} and subject = ${subject}`
  )[0]

export const listIdentities = (sql: Sql, userId: string, page: PageRequest) => sql<IdentitiesRow[]>`
  select * from identities where user_id = ${userId}
    ${page.after ? sql`and provider > ${page.after[0]!}` : sql``}
  order by provider limit ${page.limit + 1}`

export const countIdentities = async (sql: Sql, userId: string): Promise<number> =>
  (await sql`select 1 from identities where user_id = ${userId}`).length

/** False when this identity, or another one of this provider, is linked already. */
export const insertIdentity = async (
  sql: Sql,
  identity: Pick<IdentitiesRow, 'provider' | 'subject' | 'user_id' | 'email'>,
): Promise<boolean> => {
  const [row] = await sql`
    insert into identities (provider, subject, user_id, email)
    values (${identity.provider}, ${identity.subject}, ${identity.user_id}, ${identity.email})
    on conflict do nothing returning user_id`
  return row !== undefined
}

export const useIdentity = (
  sql: Sql,
  provider: string,
  subject: string,
  email: string | null,
  now: Date,
) => sql`
  update identities set last_used_at = ${now}, email = ${email} where provider = ${provider} and subject = ${subject}`

export const deleteIdentities = (sql: Sql, userId: string) =>
  sql`delete from identities where user_id = ${userId}`

export const deleteIdentity = async (sql: Sql, userId: string, provider: string): Promise<boolean> =>
  (await sql`delete from identities where user_id = ${userId} and provider = ${provider} returning user_id`)
    .length > 0
