/** What has passed through a route since the start. */
export interface Traffic {
  inFlight: number
  /** Answers by hundreds: index 2 is 2xx. */
  byClass: number[]
  requests: number
  seconds: number
  /** Counts of answers up to each bound of `buckets`, not cumulative; the last is for longer ones. */
  durations: Uint32Array
  retries: number
  failures: number
}

/** Upper bounds in seconds. */
export const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

export const createTraffic = (): Traffic => ({
  inFlight: 0,
  byClass: [0, 0, 0, 0, 0, 0],
  requests: 0,
  seconds: 0,
  durations: new Uint32Array(buckets.length + 1),
  retries: 0,
  failures: 0,
})

/** Counts one answer. A few array writes: a general histogram would cost more than the rest of the edge. */
export function countAnswer(traffic: Traffic, status: number, ms: number): void {
  const seconds = ms / 1000
  traffic.requests += 1
  traffic.seconds += seconds
  const hundreds = (status / 100) | 0
  traffic.byClass[hundreds] = (traffic.byClass[hundreds] ?? 0) + 1
  let at = 0
  while (at < buckets.length && seconds > (buckets[at] as number)) at++
  traffic.durations[at] = (traffic.durations[at] as number) + 1
}

/** The duration, in ms, that a share of the answers did not exceed: the bound of its bucket. */
export function quantileMs(traffic: Traffic, share: number): number | null {
  if (traffic.requests === 0) return null
  let seen = 0
  for (let i = 0; i < buckets.length; i++) {
    seen += traffic.durations[i] as number
    if (seen >= traffic.requests * share) return (buckets[i] as number) * 1000
  }
  return null
}
