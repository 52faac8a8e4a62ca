import type { Fragment, PageRequest, Sql } from '@ait/kit'
import { searchText } from '../domain/directory.ts'
import type { UsersRow } from './types.ts'

/** An account with what else tokens and answers need to know of it. */
export interface Account extends UsersRow {
  groups: string[]
  permissions: string[]
  mfa_enabled: boolean
  avatar_hash: string | null
}

const accountColumns = (sql: Sql): Fragment => sql`
  u.*,
  array(select g.name from group_members m join groups g on g.id = m.group_id
    where m.user_id = u.id order by g.name) as groups,
  array(select distinct p from group_members m join groups g on g.id = m.group_id, unnest(g.permissions) p
    where m.user_id = u.id order by p) as permissions,
  (exists (select 1 from totp_factors t where t.user_id = u.id and t.confirmed_at is not null)
    or exists (select 1 from passkeys k where k.user_id = u.id)) as mfa_enabled,
  (select a.hash from avatars a where a.user_id = u.id) as avatar_hash`

export const findAccount = async (sql: Sql, id: string): Promise<Account | undefined> =>
  (await sql<Account[]>`select ${accountColumns(sql)} from users u where u.id = ${id}`)[0]

export const findAccountByEmail = async (sql: Sql, email: string): Promise<Account | undefined> =>
  (await sql<Account[]>`select ${accountColumns(sql)} from users u where u.email = ${email}`)[0]

/** The same, and nobody else changes it until this transaction ends. */
export const lockAccount = async (sql: Sql, id: string): Promise<Account | undefined> =>
  (await sql<Account[]>`select ${accountColumns(sql)} from users u where u.id = ${id} for update of u`)[0]

export type NewUser = Pick<
  UsersRow,
  'id' | 'email' | 'email_verified_at' | 'full_name' | 'role' | 'password_hash' | 'locale' | 'time_zone'
>

/** False when the address is taken. */
export async function insertUser(sql: Sql, user: NewUser, now: Date): Promise<boolean> {
  const [row] = await sql`
    insert into users (id, email, email_verified_at, full_name, role, password_hash, password_changed_at,
      locale, time_zone, search, created_at, updated_at)
    values (${user.id}, ${user.email}, ${user.email_verified_at}, ${user.full_name}, ${user.role},
      ${user.password_hash}, ${user.password_hash && now}, ${user.locale}, ${user.time_zone},
      ${searchText(user.full_name, user.email)}, ${now}, ${now})
    on conflict (email) do nothing returning id`
  return row !== undefined
}

export type UserChange = Partial<
  Pick<
    UsersRow,
    'email' | 'email_verified_at' | 'full_name' | 'role' | 'locale' | 'time_zone' | 'disabled_at'
  >
>

/** Saves a change to a locked account; each change is a new version. */
export async function updateUser(sql: Sql, account: Account, change: UserChange, now: Date): Promise<void> {
  const next = { ...account, ...change }
  await sql`
    update users set email = ${next.email}, email_verified_at = ${next.email_verified_at},
      full_name = ${next.full_name}, role = ${next.role}, locale = ${next.locale}, time_zone = ${next.time_zone},
      disabled_at = ${next.disabled_at}, search = ${searchText(next.full_name, next.email)},
      version = version + 1, updated_at = ${now}
    where id = ${account.id}`
}

export const setPassword = (sql: Sql, id: string, hash: string, now: Date) =>
  sql`update users set password_hash = ${hash}, password_changed_at = ${now} where id = ${id}`

/** Replaces a hash of another cost, unless the password was changed meanwhile. */
export const replaceHash = (sql: Sql, id: string, before: string, after: string) =>
  sql`update users set password_hash = ${after} where id = ${id} and password_hash = ${before}`

export const markLogin = (sql: Sql, id: string, now: Date) =>
  sql`update users set last_login_at = ${now} where id = ${id}`

export const deleteUser = (sql: Sql, id: string) => sql`delete from users where id = ${id}`

/** Administrators who can sign in, locked, so that two of them cannot remove each other at once. */
export const lockAdmins = async (sql: Sql): Promise<string[]> => {
  const rows = await sql<{ id: string }[]>`
    select id from users where role = 'admin' and disabled_at is null order by id for update`
  return rows.map((row) => row.id)
}

export const hasAdmin = async (sql: Sql): Promise<boolean> =>
  (await sql`select 1 from users where role = 'admin' and disabled_at is null limit 1`).length > 0

/** Beginnings of words: every word of the query begins some word of the name or the address. */
const matches = (sql: Sql, words: string[]): Fragment =>
  words.reduce((all, word) => sql`${all} and u.search like ${'% ' + word + '%'}`, sql`true`)

/** A page of accounts by name. `visible` leaves out who is disabled. */
export const listAccounts = (
  sql: Sql,
  filter: { words: string[]; role?: string; disabled?: boolean; group?: string },
  page: PageRequest,
) => sql<Account[]>`
  select ${accountColumns(sql)} from users u where ${matches(sql, filter.words)}
    ${filter.role === undefined ? sql`` : sql`and u.role = ${filter.role}`}
    ${filter.disabled === undefined ? sql`` : sql`and (u.disabled_at is not null) = ${filter.disabled}`}
    ${
      filter.group === undefined
        ? sql``
        : sql`and exists (select 1 from group_members m join groups g on g.id = m.group_id
            where m.user_id = u.id and g.name = ${filter.group})`
    }
    ${page.after ? sql`and (u.full_name, u.id) > (${page.after[0]!}, ${page.after[1]!})` : sql``}
  order by u.full_name, u.id limit ${page.limit + 1}`

export const findAccounts = (sql: Sql, ids: string[]) => sql<Account[]>`
  select ${accountColumns(sql)} from users u where u.id = any(${ids}::uuid[]) order by u.full_name, u.id`

export const listMemberAccounts = (sql: Sql, groupId: string, page: PageRequest) => sql<Account[]>`
  select ${accountColumns(sql)} from users u join group_members m on m.user_id = u.id
  where m.group_id = ${groupId}
    ${page.after ? sql`and (u.full_name, u.id) > (${page.after[0]!}, ${page.after[1]!})` : sql``}
  order by u.full_name, u.id limit ${page.limit + 1}`
