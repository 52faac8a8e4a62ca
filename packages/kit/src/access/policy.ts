import type { Sql } from '../db/database.ts'
import { problems } from '../http/problems.ts'
import { principalId, type Principal } from './principal.ts'
import { sharedRole, type ShareRole } from './shares.ts'

export type Role = ShareRole | 'owner'

/** Who may do what to one kind of resource. */
export interface ResourcePolicy<Row extends object = any> {
  find(sql: Sql, id: string): Promise<Row | undefined>
  /** Id of the principal that owns it. */
  owner(row: Row): string | null
  /** Ids whose shares count: the resource itself and, in a tree, its ancestors. Default: `[row.id]`. */
  scope?(row: Row): readonly string[]
  /** What each role may do. A role that is left out may do nothing. */
  roles: Partial<Record<Role, readonly string[]>>
  /** More abilities, by rules that are not roles. Lists know nothing of them: see `visibleTo`. */
  extra?(principal: Principal, row: Row): readonly string[]
}

export type Policy = Record<string, ResourcePolicy>
export type RowOf<R> = R extends ResourcePolicy<infer Row> ? Row : never

/** The only place of a service that says who may do what. */
export const definePolicy = <const P extends Policy>(policy: P): P => policy

/** What `principal` may do to `row`: empty means that they may not even know of it. */
export async function abilitiesOf(
  sql: Sql,
  type: string,
  policy: ResourcePolicy,
  principal: Principal,
  row: any,
): Promise<string[]> {
  const id = principalId(principal)
  const owns = id !== null && principal.kind !== 'link' && policy.owner(row) === id
  const role: Role | undefined = owns
    ? 'owner'
    : await sharedRole(sql, type, policy.scope?.(row) ?? [row.id], principal)
  const granted = (role && policy.roles[role]) ?? []
  return [...new Set([...granted, ...(policy.extra?.(principal, row) ?? [])])]
}

/**
 * Finds a resource for someone who wants to do something to it.
 * @throws Problem 404 when it is missing or unseen, 403 when it is seen but that is not granted.
 */
export async function findFor(
  sql: Sql,
  policy: Policy,
  type: string,
  id: string,
  ability: string,
  principal: Principal,
): Promise<any> {
  const rules = policy[type]
  if (!rules) throw new Error(`no policy for ${type}`)
  const row = await rules.find(sql, id)
  if (!row) throw problems.notFound()
  const abilities = await abilitiesOf(sql, type, rules, principal, row)
  if (abilities.length === 0) throw problems.notFound()
  if (!abilities.includes(ability)) throw problems.forbidden(`You may not ${ability} this ${type}`)
  return { ...row, abilities }
}
