import type { Logger } from 'pino'
import type { Pool } from '../db/database.ts'
import type { Transport } from '../transport.ts'
import { pollMs, serveLane } from './lane.ts'
import { outboxChannel } from './outbox.ts'

export interface DeliveryOptions {
  sql: Pool
  service: string
  transport: Transport
  log: Logger
  retryBaseMs: number
  maxRefusals: number
}

export interface Deliveries {
  stop(): Promise<void>
}

/**
 * Sends events to their subscribers, at least once. Each subscriber has a lane of its own, so that
 * one that is slow or away holds up no other; see `lane.ts` for what happens within it.
 */
export async function startDeliveries(options: DeliveryOptions): Promise<Deliveries> {
  const { sql, log } = options
  const running = new Map<string, Promise<void>>()
  const stopping = new AbortController()
  let timer: NodeJS.Timeout | undefined

  const run = (subscriber: string): void => {
    const lane = serveLane(options, subscriber, stopping.signal)
      .catch((error) => log.error({ err: error, subscriber }, 'events cannot be delivered'))
      .finally(() => {
        running.delete(subscriber)
        look()
      })
    running.set(subscriber, lane)
  }
  const { look, settled } = repeatable(stopping.signal, async () => {
    clearTimeout(timer)
    const lanes = await readLanes(sql).catch((error) => {
      log.warn({ err: error }, 'the outbox cannot be read')
      return []
    })
    let waitMs = pollMs
    for (const { subscriber, wait } of lanes) {
      if (running.has(subscriber) || stopping.signal.aborted) continue
      if (wait <= 0) run(subscriber)
      else waitMs = Math.min(waitMs, wait)
    }
    if (!stopping.signal.aborted) timer = setTimeout(look, waitMs)
  })
  const listener = await sql.listen(outboxChannel, look, look)
  return {
    async stop() {
      stopping.abort()
      await listener.unlisten().catch(() => {})
      await settled()
      clearTimeout(timer)
      await Promise.all(running.values())
    },
  }
}

/** Runs `work` when asked to look; asked while it runs, it looks once more afterwards. */
function repeatable(stop: AbortSignal, work: () => Promise<void>) {
  let current: Promise<void> | undefined
  let again = false
  const look = (): void => {
    again = true
    if (current || stop.aborted) return
    current = (async () => {
      while (again && !stop.aborted) {
        again = false
        await work()
      }
      current = undefined
    })()
  }
  return { look, settled: async () => current }
}

/** The lanes with events in them, and in how many milliseconds each may be served. */
const readLanes = (sql: Pool) => sql<{ subscriber: string; wait: number }[]>`
  select d.subscriber,
    extract(epoch from greatest(min(d.next_at), l.next_at, l.leased_until) - now())::float8 * 1000 as wait
  from kit.deliveries d left join kit.lanes l on l.subscriber = d.subscriber
  where d.dead_at is null
  group by d.subscriber, l.next_at, l.leased_until`
