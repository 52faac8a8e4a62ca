import { Problem, problems } from '@ait/kit'
import { findAccountByEmail, replaceHash, type Account } from '../db/users.ts'
import { normaliseEmail } from '../domain/email.ts'
import { HashQueueFull } from '../domain/password-hashing.ts'
import type { AuthContext } from '../kit.ts'
import { deviceOf } from '../sessions/device.ts'
import { attempt } from './throttle.ts'

/** One answer for everything that may be wrong with an address and a password. */
const invalidCredentials = () => problems.unauthorized('E-mail or password is wrong', 'invalid_credentials')

/**
 * The account whose address and password these are.
 * @throws Problem 401 for a wrong password and an unknown address alike, in the same time; 403 for a
 * disabled account, to somebody who knows its password; 429, 503 when too many try
 */
export async function checkCredentials(ctx: AuthContext, email: string, password: string): Promise<Account> {
  const address = normaliseEmail(email) ?? email.trim().toLowerCase()
  const account = await attempt(ctx, 'password', address, deviceOf(ctx.request).address, async () => {
    const found = await findAccountByEmail(ctx.sql, address)
    const hash = found?.password_hash ?? undefined
    if (await hashing(() => ctx.deps.hasher.verify(hash, password))) return found
    await ctx.audit('login.failed', found && { type: 'user', id: found.id }, { email: address })
    return undefined
  })
  if (!account) throw invalidCredentials()
  if (account.disabled_at) throw problems.forbidden('This account is disabled', 'account_disabled')
  await renewHash(ctx, account, password)
  return account
}

/** Hashes made at another cost are made anew while the password is at hand. */
async function renewHash({ sql, deps }: AuthContext, account: Account, password: string): Promise<void> {
  const hash = account.password_hash ?? ''
  if (deps.hasher.needsRehash(hash))
    await replaceHash(sql, account.id, hash, await hashing(() => deps.hasher.hash(password)))
}

/** @throws Problem 503 when too many hashes wait. */
export async function hashing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof HashQueueFull)) throw error
    throw new Problem(503, 'busy', 'Too many people are signing in: try again in a moment', {
      headers: { 'retry-after': '2' },
    })
  }
}

/** Hashes a password that somebody chose. @throws Problem 422 saying why when it is easy to guess. */
export function hashChosen(
  ctx: Pick<AuthContext, 'deps'>,
  password: string,
  person: { email: string; fullName: string },
  field = 'password',
): Promise<string> {
  const { ok, reason = '' } = ctx.deps.checkPassword(password, person)
  if (!ok) throw problems.invalid(['body', field], reason, 'weak_password')
  return hashing(() => ctx.deps.hasher.hash(password))
}
