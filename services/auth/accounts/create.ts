import { newId } from '@ait/kit'
import { addToGroups } from '../db/groups.ts'
import { findAccount, insertUser, type Account, type NewUser } from '../db/users.ts'
import type { AuthUnit } from '../kit.ts'
import { toPersonEvent } from './present.ts'

export type AccountDraft = Partial<NewUser> & Pick<NewUser, 'email' | 'full_name'> & { groups?: string[] }

/** Creates an account and tells the others. `undefined` when the address is taken. */
export async function createAccount(unit: AuthUnit, draft: AccountDraft): Promise<Account | undefined> {
  const user: NewUser = {
    id: draft.id ?? newId(),
    email: draft.email,
    email_verified_at: draft.email_verified_at ?? null,
    full_name: draft.full_name.trim(),
    role: draft.role ?? 'user',
    password_hash: draft.password_hash ?? null,
    locale: draft.locale ?? 'en',
    time_zone: draft.time_zone ?? 'UTC',
  }
  if (!(await insertUser(unit.sql, user, unit.now()))) return undefined
  if (draft.groups?.length) await addToGroups(unit.sql, user.id, draft.groups)
  const account = (await findAccount(unit.sql, user.id)) as Account
  await unit.emit('auth.user.registered.v1', account.id, toPersonEvent(account))
  await unit.audit('user.registered', { type: 'user', id: account.id }, { role: account.role })
  return account
}
