import type { PageRequest, Sql } from '@ait/kit'
import type { GroupsRow } from './types.ts'

export type Group = GroupsRow & { members: number }

const members = (sql: Sql) =>
  sql`(select count(*)::int from group_members m where m.group_id = g.id) as members`

export const findGroup = async (sql: Sql, id: string): Promise<Group | undefined> =>
  (await sql<Group[]>`select g.*, ${members(sql)} from groups g where g.id = ${id}`)[0]

export const listGroups = (sql: Sql, page: PageRequest) => sql<Group[]>`
  select g.*, ${members(sql)} from groups g
  where true ${page.after ? sql`and (g.title, g.id) > (${page.after[0]!}, ${page.after[1]!})` : sql``}
  order by g.title, g.id limit ${page.limit + 1}`

/** False when the name is taken. */
export async function insertGroup(
  sql: Sql,
  group: Pick<GroupsRow, 'id' | 'name' | 'title' | 'description' | 'permissions'>,
): Promise<boolean> {
  const [row] = await sql`
    insert into groups (id, name, title, description, permissions)
    values (${group.id}, ${group.name}, ${group.title}, ${group.description}, ${group.permissions})
    on conflict (name) do nothing returning id`
  return row !== undefined
}

/** Saves over the version that was read; false when another change came first. */
export async function saveGroup(sql: Sql, group: GroupsRow): Promise<boolean> {
  const [row] = await sql`
    update groups set title = ${group.title}, description = ${group.description}, permissions = ${group.permissions},
      version = version + 1, updated_at = now()
    where id = ${group.id} and version = ${group.version} returning id`
  return row !== undefined
}

export const deleteGroupRow = (sql: Sql, id: string) => sql`delete from groups where id = ${id}`

export const addToGroups = (sql: Sql, userId: string, names: string[]) => sql`
  insert into group_members (group_id, user_id) select id, ${userId} from groups where name = any(${names})
  on conflict do nothing`

/** From now on a member of exactly these groups. */
export async function setGroups(sql: Sql, userId: string, names: string[]): Promise<void> {
  await sql`
    delete from group_members m using groups g
    where g.id = m.group_id and m.user_id = ${userId} and g.name <> all(${names})`
  await addToGroups(sql, userId, names)
}

export const knownGroups = async (sql: Sql, names: string[]): Promise<string[]> =>
  (await sql<{ name: string }[]>`select name from groups where name = any(${names})`).map((row) => row.name)

/** Unknown people are left out. */
export const addMembers = (sql: Sql, groupId: string, userIds: string[]) => sql`
  insert into group_members (group_id, user_id)
  select ${groupId}, id from users where id = any(${userIds}::uuid[]) on conflict do nothing`

export const removeMember = async (sql: Sql, groupId: string, userId: string): Promise<boolean> =>
  (await sql`delete from group_members where group_id = ${groupId} and user_id = ${userId} returning user_id`)
    .length > 0

export const listPermissions = (sql: Sql, page: PageRequest) => sql<
  { permission: string; groups: string[] }[]
>`
  select p as permission, array_agg(g.name order by g.name) as groups
  from groups g, unnest(g.permissions) p
  where true ${page.after ? sql`and p > ${page.after[0]!}` : sql``}
  group by p order by p limit ${page.limit + 1}`
