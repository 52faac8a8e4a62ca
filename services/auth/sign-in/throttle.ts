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
  REGISTRATION_RULES,
  countFailure,
  countGlobalFailure,
  strict,
  underAttack,
  waitMs,
  type ThrottleRule,
  type ThrottleScope,
} from '../domain/throttle.ts'
import type { Deps } from '../deps.ts'
import type { Write } from '../kit.ts'

export type ThrottleKind = 'password' | 'mfa' | 'mail' | 'registration'

const RULES: Record<ThrottleKind, Record<ThrottleScope, ThrottleRule>> = {
  password: PASSWORD_RULES,
  mfa: MFA_RULES,
  mail: MAIL_RULES,
  registration: REGISTRATION_RULES,
}
const SCOPES: readonly ThrottleScope[] = ['account', 'account_address', 'address']

type ThrottleContext = { write: Write; now(): Date; deps: Pick<Deps, 'turns'> }

/**
 * Checks a guess at an account, unless there were too many wrong ones. It is counted as wrong before it is
 * checked, and forgiven when it was right: replicas and a crash in between count truly.
 * @param account names the account, whether or not it exists
 * @param check gives `undefined` when the guess is wrong
 * @throws Problem 429 with `Retry-After`
 */
export function attempt<T>(
  ctx: ThrottleContext,
  kind: ThrottleKind,
  account: string,
  address: string | null,
  check: () => Promise<T | undefined>,
): Promise<T | undefined> {
  return ctx.deps.turns(`${kind} ${account}`, async () => {
    await countAttempt(ctx, kind, account, address)
    const keys = counterKeys(kind, account, address)
    let result: T | undefined
    try {
      result = await check()
    } catch (error) {
      // Neither right nor wrong: we could not tell.
      await forgive(ctx, keys, false)
      throw error
    }
    await (result === undefined ? countGlobally(ctx, kind) : forgive(ctx, keys, true))
    return result
  })
}

/** Counts something that may be done only so often. @throws Problem 429 with `Retry-After` */
export function countAttempt(
  ctx: Omit<ThrottleContext, 'deps'>,
  kind: ThrottleKind,
  account: string,
  address: string | null,
): Promise<void> {
  const keys = counterKeys(kind, account, address)
  return ctx.write(async ({ sql }) => {
    const now = ctx.now()
    const attack = underAttack(await findCounter(sql, globalKey(kind)), now)
    const counters = await lockCounters(sql, keys, now)
    const rules = SCOPES.map((scope) => (attack ? strict(RULES[kind][scope]) : RULES[kind][scope]))
    const wait = Math.max(...counters.map((counter, index) => waitMs(counter, rules[index]!, now)))
    if (wait > 0) throw problems.tooMany(wait / 1000, 'Too many attempts: try again later')
    for (const [index, key] of keys.entries())
      await saveCounter(sql, key, countFailure(counters[index], rules[index]!, now))
  })
}

/** @param owner whether it was the owner who got in: their earlier slips from here are forgotten as well */
function forgive(ctx: ThrottleContext, keys: CounterKey[], owner: boolean): Promise<void> {
  return ctx.write(async ({ sql }) => {
    for (const [index, key] of keys.entries())
      await (owner && SCOPES[index] === 'account_address' ? deleteCounter(sql, key) : forgiveOne(sql, key))
  })
}

function countGlobally(ctx: ThrottleContext, kind: ThrottleKind): Promise<void> {
  return ctx.write(async ({ sql }) => {
    const key = globalKey(kind)
    const [counter] = await lockCounters(sql, [key], ctx.now())
    await saveCounter(sql, key, countGlobalFailure(counter, ctx.now()))
  })
}

const globalKey = (kind: ThrottleKind): CounterKey => ({ scope: `${kind}.global`, key: '' })

/** In the order of SCOPES. Hashed: the table shows neither addresses nor who has an account. */
function counterKeys(kind: ThrottleKind, account: string, address: string | null): CounterKey[] {
  const from = addressKey(address ?? '')
  const keys = { account, account_address: `${account} ${from}`, address: from }
  return SCOPES.map((scope) => ({
    scope: `${kind}.${scope}`,
    key: createHash('sha256').update(keys[scope]).digest('base64url'),
  }))
}
