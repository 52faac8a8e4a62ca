import { problems, type UserPrincipal } from '@ait/kit'
import { findAccount, lockAccount, type Account } from '../db/users.ts'
import type { AuthContext } from '../kit.ts'

/** The person who asks. @throws Problem 403 when a service asks for itself. */
export function person({ principal }: Pick<AuthContext, 'principal'>): UserPrincipal {
  if (principal.kind !== 'user')
    throw problems.forbidden('This is about a person’s own account', 'person_required')
  return principal
}

/** Guests see whom they work with, and do not look through the rest. @throws Problem 403 */
export function refuseGuests({ principal }: Pick<AuthContext, 'principal'>): void {
  if (principal.kind === 'user' && principal.role === 'guest')
    throw problems.forbidden('Guests cannot look through the directory', 'guest')
}

/** Their account. @throws Problem 401 when it is gone or disabled, though the token has not expired. */
export async function ownAccount(ctx: Pick<AuthContext, 'principal' | 'sql'>): Promise<Account> {
  return present(await findAccount(ctx.sql, person(ctx).id))
}

/** The same, locked for a change in this transaction. */
export async function lockOwnAccount(ctx: Pick<AuthContext, 'principal' | 'sql'>): Promise<Account> {
  return present(await lockAccount(ctx.sql, person(ctx).id))
}

function present(account: Account | undefined): Account {
  if (!account || account.disabled_at) throw problems.invalidToken('The account does not exist any more')
  return account
}
