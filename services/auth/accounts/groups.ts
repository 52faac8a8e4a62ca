import { problems, type Sql } from '@ait/kit'
import { knownGroups } from '../db/groups.ts'

/** @throws Problem 422 naming the group that does not exist */
export async function checkGroups(sql: Sql, names: string[]): Promise<void> {
  const known = names.length > 0 ? await knownGroups(sql, names) : []
  const missing = names.find((name) => !known.includes(name))
  if (missing !== undefined) throw problems.invalid(['body', 'groups'], `there is no group ${missing}`)
}
