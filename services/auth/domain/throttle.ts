/** Failures counted under one key, as stored. */
export interface FailureCounter {
  failures: number
  firstAt: Date
  lastAt: Date
}

export interface ThrottleRule {
  /** Failures that cost nothing. */
  free: number
  /** The wait after the first failure beyond those; it doubles with each further one. */
  baseDelayMs: number
  /** The wait never grows beyond this: there is no permanent lock. */
  maxDelayMs: number
  /** A counter without a new failure for this long starts from nothing. */
  forgetMs: number
}

/** What is counted apart. A guess counts under every scope that applies to it. */
export type ThrottleScope = 'account_address' | 'account' | 'address'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/**
 * One address guessing at one account is slowed hard. The account as a whole is slowed too, but mildly:
 * else anybody could keep its owner out. An address may be an office with a hundred people behind it.
 */
export const PASSWORD_RULES: Record<ThrottleScope, ThrottleRule> = {
  account_address: { free: 5, baseDelayMs: SECOND, maxDelayMs: 15 * MINUTE, forgetMs: 24 * HOUR },
  account: { free: 50, baseDelayMs: SECOND, maxDelayMs: MINUTE, forgetMs: 24 * HOUR },
  address: { free: 100, baseDelayMs: SECOND, maxDelayMs: 15 * MINUTE, forgetMs: HOUR },
}

/** A six-digit code has a million values, and whoever tries one has the password: far fewer tries. */
export const MFA_RULES: Record<ThrottleScope, ThrottleRule> = {
  account_address: { free: 3, baseDelayMs: 2 * SECOND, maxDelayMs: 30 * MINUTE, forgetMs: 24 * HOUR },
  account: { free: 5, baseDelayMs: 2 * SECOND, maxDelayMs: 15 * MINUTE, forgetMs: 24 * HOUR },
  address: { free: 30, baseDelayMs: SECOND, maxDelayMs: 15 * MINUTE, forgetMs: HOUR },
}

/** Mails that somebody without a session can have sent to an address: to help, not to flood. */
export const MAIL_RULES: Record<ThrottleScope, ThrottleRule> = {
  account_address: { free: 3, baseDelayMs: MINUTE, maxDelayMs: HOUR, forgetMs: 24 * HOUR },
  account: { free: 5, baseDelayMs: MINUTE, maxDelayMs: HOUR, forgetMs: 24 * HOUR },
  address: { free: 50, baseDelayMs: SECOND, maxDelayMs: 15 * MINUTE, forgetMs: HOUR },
}

/** Each registration costs a hash: an office may sign up in a morning, a script may not fill the table. */
export const REGISTRATION_RULES: Record<ThrottleScope, ThrottleRule> = {
  account_address: { free: 10, baseDelayMs: SECOND, maxDelayMs: MINUTE, forgetMs: HOUR },
  account: { free: 20, baseDelayMs: SECOND, maxDelayMs: MINUTE, forgetMs: HOUR },
  address: { free: 100, baseDelayMs: SECOND, maxDelayMs: MINUTE, forgetMs: HOUR },
}

/** So many failures over the whole installation within the window are an attack. */
export const GLOBAL_RULE = { failures: 1000, windowMs: 10 * MINUTE }

/** Milliseconds until the next attempt is allowed; 0 when it is allowed now. */
export function waitMs(counter: FailureCounter | undefined, rule: ThrottleRule, now: Date): number {
  if (!counter || forgotten(counter, rule, now)) return 0
  const beyond = counter.failures - rule.free
  if (beyond <= 0) return 0
  // 2^30 s is beyond every maximum; without the cap the power would overflow.
  const delay = Math.min(rule.baseDelayMs * 2 ** Math.min(beyond - 1, 30), rule.maxDelayMs)
  return Math.max(0, counter.lastAt.getTime() + delay - now.getTime())
}

/** The counter after one more failure. */
export function countFailure(
  counter: FailureCounter | undefined,
  rule: Pick<ThrottleRule, 'forgetMs'>,
  now: Date,
): FailureCounter {
  if (!counter || forgotten(counter, rule, now)) return { failures: 1, firstAt: now, lastAt: now }
  return { failures: counter.failures + 1, firstAt: counter.firstAt, lastAt: now }
}

/** Is the installation under attack? Then every scope is strict: see {@link strict}. */
export function underAttack(counter: FailureCounter | undefined, now: Date): boolean {
  if (!counter || now.getTime() - counter.firstAt.getTime() >= GLOBAL_RULE.windowMs) return false
  return counter.failures >= GLOBAL_RULE.failures
}

/** The global counter after one more failure: it counts within a fixed window. */
export function countGlobalFailure(counter: FailureCounter | undefined, now: Date): FailureCounter {
  const fresh = !counter || now.getTime() - counter.firstAt.getTime() >= GLOBAL_RULE.windowMs
  if (fresh) return { failures: 1, firstAt: now, lastAt: now }
  return { failures: counter.failures + 1, firstAt: counter.firstAt, lastAt: now }
}

/**
 * The rule during an attack: a tenth of the free tries, and longer waits. A global *refusal* would let an
 * attacker lock everybody out, so people who know their password still get in at the first try.
 */
export function strict(rule: ThrottleRule): ThrottleRule {
  return { ...rule, free: Math.floor(rule.free / 10), baseDelayMs: rule.baseDelayMs * 4 }
}

function forgotten(counter: FailureCounter, rule: Pick<ThrottleRule, 'forgetMs'>, now: Date): boolean {
  return now.getTime() - counter.lastAt.getTime() >= rule.forgetMs
}
