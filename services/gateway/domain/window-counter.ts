export interface Verdict {
  allowed: boolean
  limit: number
  remaining: number
  /** Until the window ends. */
  resetSeconds: number
  /** The rule in the words of `RateLimit-Policy`. */
  policy: string
}

export interface WindowRule {
  /** Requests per window. */
  limit: number
  windowSeconds: number
}

/**
 * Counts requests per key over a sliding window: the last whole window counts by the share of it that
 * still lies within reach. Windows begin at multiples of their length, so that replicas agree.
 * Synchronous, without timers: it stands in the way of every request.
 */
export interface WindowCounter {
  rule: WindowRule
  take(key: string, nowMs: number): Verdict
  /** Counts since the last call, to be added to those of other replicas. */
  drain(): { window: number; counts: [key: string, count: number][] }
  /** What all replicas together have counted in a window. */
  learn(window: number, key: string, total: number): void
}

interface Count {
  total: number
  /** Of these, not yet told to the others. */
  untold: number
}

/** More keys than this in one window can only be an attack by many addresses: forget, and let pass. */
const maxKeys = 200_000

export function createWindowCounter(rule: WindowRule): WindowCounter {
  const length = rule.windowSeconds * 1000
  const policy = `${rule.limit};w=${rule.windowSeconds}`
  let window = 0
  let current = new Map<string, Count>()
  let previous = new Map<string, Count>()

  const advance = (now: number): void => {
    const next = Math.floor(now / length)
    if (next === window) return
    previous = next === window + 1 ? current : new Map()
    current = new Map()
    window = next
  }
  const countOf = (key: string): Count => {
    const known = current.get(key)
    if (known) return known
    if (current.size >= maxKeys) current.clear()
    const fresh = { total: 0, untold: 0 }
    current.set(key, fresh)
    return fresh
  }
  return {
    rule,
    take(key, now) {
      advance(now)
      const elapsed = now - window * length
      const count = countOf(key)
      const before = previous.size > 0 ? (previous.get(key)?.total ?? 0) : 0
      const used = count.total + before * (1 - elapsed / length)
      const allowed = used + 1 <= rule.limit
      const taken = allowed ? 1 : 0
      count.total += taken
      count.untold += taken
      const remaining = Math.max(0, Math.floor(rule.limit - used - taken))
      const resetSeconds = Math.ceil((length - elapsed) / 1000)
      return { allowed, limit: rule.limit, remaining, resetSeconds, policy }
    },
    drain: () => ({ window, counts: drained(current) }),
    learn(of, key, total) {
      if (of !== window) return
      const count = countOf(key)
      count.total = Math.max(count.total, total + count.untold)
    },
  }
}

function drained(counts: Map<string, Count>): [key: string, count: number][] {
  const untold: [string, number][] = []
  for (const [key, count] of counts) {
    if (count.untold > 0) untold.push([key, count.untold])
    count.untold = 0
  }
  return untold
}
