/** Does a caller's work when it is their turn. */
export type Turns = <T>(caller: string, work: () => Promise<T>) => Promise<T>

/**
 * Lets each caller have at most `most` pieces of work under way; the others wait in order and hold nothing meanwhile.
 * So nobody can take all connections of a pool, not even by many slow requests that wait for one another's locks.
 */
export function createTurns(most: number): Turns {
  const callers = new Map<string, { active: number; waiting: (() => void)[] }>()
  return async (caller, work) => {
    const line = callers.get(caller) ?? { active: 0, waiting: [] }
    callers.set(caller, line)
    if (line.active < most) line.active++
    else await new Promise<void>((resolve) => line.waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = line.waiting.shift()
      if (next) next()
      else if (--line.active === 0) callers.delete(caller)
    }
  }
}
