/**
 * Rules that keep one sick target from making everything behind the gateway sick.
 * Terms are Envoy's: a target is *ejected* for a while when it fails again and again (outlier
 * detection); a *breaker* stops all traffic to an upstream whose targets cannot be reached; a *retry
 * budget* bounds retries to a share of the requests.
 */

export interface OutlierState {
  consecutiveFailures: number
  /** How often in a row it was ejected; each time is longer. */
  ejections: number
  ejectedUntil: number
}

export interface OutlierRules {
  /** Failures in a row that eject a target: no connection, no answer, or a 5xx. */
  consecutiveFailures: number
  baseEjectionMs: number
  maxEjectionMs: number
  /** At most this share of an upstream's targets may be ejected at once. */
  maxEjectedShare: number
}

export const outlierRules: OutlierRules = {
  consecutiveFailures: 5,
  baseEjectionMs: 5000,
  maxEjectionMs: 300_000,
  maxEjectedShare: 0.5,
}

export const newOutlierState = (): OutlierState => ({ consecutiveFailures: 0, ejections: 0, ejectedUntil: 0 })

/** Takes note of an answer. True when the target is ejected by it. */
export function recordOutcome(
  state: OutlierState,
  ok: boolean,
  now: number,
  peers: { total: number; ejected: number },
  rules: OutlierRules = outlierRules,
): boolean {
  if (ok) {
    state.consecutiveFailures = 0
    if (state.ejections > 0 && now > state.ejectedUntil + rules.baseEjectionMs) state.ejections = 0
    return false
  }
  state.consecutiveFailures += 1
  if (state.consecutiveFailures < rules.consecutiveFailures) return false
  if (peers.ejected + 1 > peers.total * rules.maxEjectedShare) return false
  state.consecutiveFailures = 0
  state.ejectedUntil = now + Math.min(rules.baseEjectionMs * 2 ** state.ejections, rules.maxEjectionMs)
  state.ejections += 1
  return true
}

export interface Breaker {
  /** False while it is open. After the pause one request is let through to try. */
  allows(now: number): boolean
  succeeded(): void
  /** A target could not be reached or did not answer. A 5xx is an answer: it does not count here. */
  failed(now: number): void
  state(now: number): 'closed' | 'open' | 'half_open'
  /** Until a request may be tried. */
  retryAfterMs(now: number): number
}

export function createBreaker(rules = { failures: 10, pauseMs: 1000, maxPauseMs: 30_000 }): Breaker {
  let failures = 0
  let openings = 0
  let openUntil = 0
  let trialUntil = 0
  return {
    allows(now) {
      if (openUntil === 0) return true
      if (now < openUntil || now < trialUntil) return false
      // One trial at a time; should it never report back, the next may go after another pause.
      trialUntil = now + rules.pauseMs
      return true
    },
    succeeded() {
      failures = 0
      openings = 0
      openUntil = 0
      trialUntil = 0
    },
    failed(now) {
      failures += 1
      if (failures < rules.failures && openUntil === 0) return
      if (now < openUntil) return
      openUntil = now + Math.min(rules.pauseMs * 2 ** openings, rules.maxPauseMs)
      openings += 1
      trialUntil = 0
    },
    state: (now) => (openUntil === 0 ? 'closed' : now < openUntil ? 'open' : 'half_open'),
    retryAfterMs: (now) => Math.max(0, openUntil - now),
  }
}

export interface RetryBudget {
  /** A request was sent: it earns a share of a retry. */
  earn(): void
  /** Whether there is a retry left, and takes it. */
  spend(now: number): boolean
}

/** Retries up to `share` of the requests, and `minPerSecond` however few requests there are. */
export function createRetryBudget(rules = { share: 0.2, minPerSecond: 5, max: 100 }): RetryBudget {
  let tokens = 0
  let second = 0
  let usedThisSecond = 0
  return {
    earn() {
      if (tokens < rules.max) tokens += rules.share
    },
    spend(now) {
      const current = Math.floor(now / 1000)
      if (current !== second) {
        second = current
        usedThisSecond = 0
      }
      if (usedThisSecond < rules.minPerSecond) {
        usedThisSecond += 1
        return true
      }
      // Sums of a fifth fall a trifle short of one.
      if (tokens < 0.999) return false
      tokens -= 1
      return true
    },
  }
}

/**
 * Power of two choices: of two random candidates, the one with fewer requests in flight. As good as
 * looking at all of them, without all gateways running to the same one.
 */
export function chooseOfTwo<T extends { inFlight: number }>(
  candidates: readonly T[],
  random: () => number = Math.random,
): T | undefined {
  const count = candidates.length
  if (count < 2) return candidates[0]
  const first = Math.floor(random() * count)
  const other = Math.floor(random() * (count - 1))
  const a = candidates[first] as T
  const b = candidates[other < first ? other : other + 1] as T
  return b.inFlight < a.inFlight ? b : a
}
