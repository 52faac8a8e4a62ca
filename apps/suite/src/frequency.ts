/** Counts how often something has happened within a period: call it each time. */
export function countWithin(periodMs: number, now: () => number = Date.now): () => number {
  let recent: number[] = []
  return () => {
    const at = now()
    recent = [...recent.filter((before) => at - before < periodMs), at]
    return recent.length
  }
}
