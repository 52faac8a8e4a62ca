import type { Pool } from '@ait/kit'
import { revocationsAfter, revocationsChannel } from '../db/revocations.ts'

/** What ended early, for every service to follow. */
export interface RevocationFeed {
  /** What ended after number `after`; waits for news, up to 25 s. Without `after` what is known now. */
  read(after: number | undefined): Promise<{ items: string[]; cursor: number }>
  /** Answers everybody who waits, now and from now on: the service is stopping. */
  stop(): void
}

const waitMs = 25_000

/** Woken by NOTIFY in the moment an ending commits, in whichever replica that was. */
export async function openRevocationFeed(sql: Pool): Promise<RevocationFeed> {
  const waiting = new Set<() => void>()
  let stopped = false
  const wake = () => {
    for (const resume of waiting) resume()
  }
  await sql.listen(revocationsChannel, wake, wake)

  const page = async (after: number) => {
    const rows = await revocationsAfter(sql, after)
    return { items: rows.map((row) => row.revoked_id), cursor: rows.at(-1)?.seq ?? after }
  }
  return {
    async read(after) {
      if (after === undefined) return page(0)
      // Listen before looking, or news in between would be slept through.
      const news = Promise.withResolvers<void>()
      const timer = setTimeout(news.resolve, waitMs)
      waiting.add(news.resolve)
      try {
        const first = await page(after)
        if (first.items.length > 0 || stopped) return first
        await news.promise
        return stopped ? first : await page(after)
      } finally {
        clearTimeout(timer)
        waiting.delete(news.resolve)
      }
    },
    stop() {
      stopped = true
      wake()
    },
  }
}
