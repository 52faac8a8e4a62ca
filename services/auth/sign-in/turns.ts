/** Runs work of one key one after the other, in the order in which it came. */
export type Turns = <T>(key: string, work: () => Promise<T>) => Promise<T>

/**
 * Attempts at one account take turns: else many that are right would look, while they are under way, like
 * many that may be wrong. A flood waits little, since what comes after too many failures is refused at once.
 */
export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()

  return async (key, work) => {
    const before = last.get(key)
    const mine = (before ?? Promise.resolve()).then(work, work)
    last.set(key, mine)
    try {
      return await mine
    } finally {
      if (last.get(key) === mine) last.delete(key)
    }
  }
}
