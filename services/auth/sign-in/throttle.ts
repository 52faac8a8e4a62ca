import { createHash } from 'node:crypto'
import { problems } from '@ait/kit'
import {
  deleteCounter,
  findCounter,
  forgiveOne,
  lockCounters,
  saveCounter,
  type CounterKey,
} from '../db/throttle.ts'
import { addressKey } from '../domain/address.ts'
import {
  MAIL_RULES,
  MFA_RULES,
  PASSWORD_RULES,
  countFailure,
  countGlobalFailure,
  strict,
  underAttack,
  waitMs,
  type ThrottleRule,
  type ThrottleScope,
} from '../domain/throttle.ts'
import type { Write } from '../kit.ts'

export type ThrottleKind = 'password' | 'mfa' | 'mail'

const RULES: Record<ThrottleKind, Record<ThrottleScope, ThrottleRule>> = {
  password: PASSWORD_RULES,
  mfa: MFA_RULES,
  mail: MAIL_RULES,
}
const SCOPES: readonly ThrottleScope[] = ['account', 'account_address', 'address']

/** An attempt under way. It counts as failed until it is said to have succeeded. */
export interface Attempt {
  succeeded(): Promise<void>
  failed(): Promise<void>
}

/**
 * Asks whether an attempt may be made now, and counts it: whoever sends a hundred at once has them
 * counted one after the other before the first is answered.
 * @param account names the account, whether or not it exists
 * @throws Problem 429 with `Retry-After`
 */
export async function beginAttempt(
  ctx: { write: Write; now(): Date },
  kind: ThrottleKind,
  account: string,
  address: string | null,
): Promise<Attempt> {
  const keys = counterKeys(kind, account, address)
  const global = { scope: `${kind}.global`, key: '' }
  await ctx.write(async ({ sql }) => {
    const now = ctx.now()
    const attack = underAttack(await findCounter(sql, global), now)
    const counters = await lockCounters(sql, keys, now)
    const rules = SCOPES.map((scope) => (attack ? strict(RULES[kind][scope]) : RULES[kind][scope]))
    const wait = Math.max(...counters.map((counter, index) => waitMs(counter, rules[index]!, now)))
    if (wait > 0) throw problems.tooMany(wait / 1000, 'Too many attempts: try again later')
    for (const [index, key] of keys.entries())
      await saveCounter(sql, key, countFailure(counters[index], rules[index]!, now))
  })
  return {
    succeeded: () =>
      ctx.write(async ({ sql }) => {
        const [ofAccount, ofBoth, ofAddress] = keys as [CounterKey, CounterKey, CounterKey]
        await forgiveOne(sql, ofAccount)
        // The owner got in from here: earlier slips of theirs are forgotten.
        await deleteCounter(sql, ofBoth)
        await forgiveOne(sql, ofAddress)
      }),
    failed: () =>
      ctx.write(async ({ sql }) => {
        const [counter] = await lockCounters(sql, [global], ctx.now())
        await saveCounter(sql, global, countGlobalFailure(counter, ctx.now()))
      }),
  }
}

/** In the order of SCOPES. Hashed: the table shows neither addresses nor who has an account. */
function counterKeys(kind: ThrottleKind, account: string, address: string | null): CounterKey[] {
  const from = addressKey(address ?? '')
  const keys = { account, account_address: `${account} ${from}`, address: from }
  return SCOPES.map((scope) => ({
    scope: `${kind}.${scope}`,
    key: createHash('sha256').update(keys[scope]).digest('base64url'),
  }))
}
