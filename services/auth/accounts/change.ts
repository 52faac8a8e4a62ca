import { deleteTotp, deletePasskeysOf, deleteRecoveryCodes } from '../db/factors.ts'
import { findAccount, updateUser, type Account, type UserChange } from '../db/users.ts'
import type { AuthUnit } from '../kit.ts'
import { toPersonEvent } from './present.ts'

/** Saves a change to a locked account and tells the others. */
export async function changeAccount(unit: AuthUnit, account: Account, change: UserChange): Promise<Account> {
  await updateUser(unit.sql, account, change, unit.now())
  const changed = (await findAccount(unit.sql, account.id)) as Account
  await unit.emit('auth.user.updated.v1', account.id, toPersonEvent(changed))
  return changed
}

export async function removeFactors({ sql }: Pick<AuthUnit, 'sql'>, userId: string): Promise<void> {
  await deleteTotp(sql, userId)
  await deletePasskeysOf(sql, userId)
  await deleteRecoveryCodes(sql, userId)
}
