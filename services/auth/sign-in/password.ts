import { Problem, problems } from '@ait/kit'
import { findAccountByEmail, replaceHash, type Account } from '../db/users.ts'
import { normaliseEmail } from '../domain/email.ts'
import { HashQueueFull, type PasswordHasher } from '../domain/password-hashing.ts'
import type { AuthContext } from '../kit.ts'
import { deviceOf } from '../sessions/device.ts'
import { beginAttempt } from './throttle.ts'

/** One answer for everything that may be wrong with an address and a password. */
const invalidCredentials = () => problems.unauthorized('E-mail or password is wrong', 'invalid_credentials')

/**
 * The account whose address and password these are.
 * @throws Problem 401 for a wrong password and an unknown address alike, in the same time; 403 for a
 * disabled account, to somebody who knows its password; 429, 503 when too many try
 */
export async function checkCredentials(ctx: AuthContext, email: string, password: string): Promise<Account> {
  const address = normaliseEmail(email) ?? email.trim().toLowerCase()
  const attempt = await beginAttempt(ctx, 'password', address, deviceOf(ctx.request).address)
  const account = await findAccountByEmail(ctx.sql, address)
  const hash = account?.password_hash ?? undefined
  const matches = await hashing(() => ctx.deps.hasher.verify(hash, password))
  if (!account || !hash || !matches) {
    await attempt.failed()
    await ctx.audit('login.failed', account && { type: 'user', id: account.id }, { email: address })
    throw invalidCredentials()
  }
  await attempt.succeeded()
  if (account.disabled_at) throw problems.forbidden('This account is disabled', 'account_disabled')
  await renewHash(ctx, ctx.deps.hasher, account.id, hash, password)
  return account
}

/** Hashes made at another cost are made anew while the password is at hand. */
async function renewHash(
  ctx: AuthContext,
  hasher: PasswordHasher,
  id: string,
  hash: string,
  password: string,
) {
  if (hasher.needsRehash(hash)) await replaceHash(ctx.sql, id, hash, await hasher.hash(password))
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
