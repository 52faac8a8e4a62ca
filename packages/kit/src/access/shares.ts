import type { Fragment, Sql } from '../db/database.ts'
import type { Principal } from './principal.ts'

export type ShareRole = 'viewer' | 'commenter' | 'editor' | 'manager'

/** The strongest role that unexpired shares on any of `ids` give to `principal`. */
export async function sharedRole(
  sql: Sql,
  type: string,
  ids: readonly string[],
  principal: Principal,
): Promise<ShareRole | undefined> {
  const [row] = await sql<{ role: ShareRole }[]>`
    select role from kit.shares s
    where resource_type = ${type} and resource_id = any(${ids as string[]}::uuid[])
      and ${subjectIs(sql, principal)}
    order by array_position(array['manager','editor','commenter','viewer'], role)
    limit 1`
  return row?.role
}

/** Forgets the shares of resources that are deleted. */
export const forgetShares = (sql: Sql, type: string, ids: readonly string[]) => sql`
  delete from kit.shares where resource_type = ${type} and resource_id = any(${ids as string[]}::uuid[])`

/** SQL condition: share `s` is for this principal and has not expired. */
function subjectIs(sql: Sql, principal: Principal): Fragment {
  const unexpired = sql`(s.expires_at is null or s.expires_at > now())`
  switch (principal.kind) {
    case 'user':
      return sql`${unexpired} and (
        (s.subject_type = 'user' and s.subject_id = ${principal.id})
        or (s.subject_type = 'group' and s.subject_id = any(${principal.groups as string[]}::text[]))
        or s.subject_type = 'everyone')`
    case 'link':
      return sql`${unexpired} and s.subject_type = 'link' and s.subject_id = ${principal.id}`
    default:
      return sql`false`
  }
}

/**
 * SQL condition for lists: the row is the principal's own or was shared with them. It lists what
 * `find` finds, save for abilities that a policy gives by `extra`: add those to the query by hand.
 * @param owner SQL of the owner column, e.g. `` sql`f.owner_id` ``.
 * @param scope SQL of a uuid[] with the row's id and those it inherits from, e.g. `` sql`array[f.id]` ``.
 */
export function visibleTo(
  sql: Sql,
  type: string,
  principal: Principal,
  columns: { owner: Fragment; scope: Fragment },
): Fragment {
  if (principal.kind === 'nobody') return sql`false`
  const shared = sql`exists (
    select 1 from kit.shares s where s.resource_type = ${type}
      and s.resource_id = any(${columns.scope}) and ${subjectIs(sql, principal)})`
  return principal.kind === 'link' ? shared : sql`(${columns.owner} = ${principal.id} or ${shared})`
}
