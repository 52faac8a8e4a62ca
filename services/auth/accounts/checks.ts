import { problems, type Sql } from '@ait/kit'
import { knownGroups } from '../db/groups.ts'
import { normaliseEmail } from '../domain/email.ts'

/** The address in the form in which it is stored. @throws Problem 422 */
export function checkedEmail(input: string): string {
  const email = normaliseEmail(input)
  if (!email) throw problems.invalid(['body', 'email'], 'is not an e-mail address', 'email')
  return email
}

/** @throws Problem 422 for a time zone that does not exist. */
export function checkTimeZone(timeZone: string | undefined): void {
  if (timeZone === undefined) return
  try {
    Intl.DateTimeFormat('en', { timeZone })
  } catch {
    throw problems.invalid(['body', 'time_zone'], 'is not an IANA time zone')
  }
}

/** @throws Problem 422 naming the group that does not exist */
export async function checkGroups(sql: Sql, names: string[]): Promise<void> {
  const known = names.length > 0 ? await knownGroups(sql, names) : []
  const missing = names.find((name) => !known.includes(name))
  if (missing !== undefined) throw problems.invalid(['body', 'groups'], `there is no group ${missing}`)
}
