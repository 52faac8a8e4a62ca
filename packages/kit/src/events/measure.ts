import type { Pool } from '../db/database.ts'
import { gauge, oncePerScrape, type Metrics } from '../http/metrics.ts'

/** Gauges of the outbox: what waits, for how long, and what nobody took. */
export function measureOutbox(metrics: Metrics, sql: Pool): void {
  const read = oncePerScrape(async () => {
    const [row] = await sql<{ pending: number; dead: number; lag: number }[]>`
      select count(*) filter (where dead_at is null)::int as pending,
        count(*) filter (where dead_at is not null)::int as dead,
        coalesce(extract(epoch from now() - min(e.time) filter (where dead_at is null)), 0)::float8 as lag
      from kit.deliveries d join kit.events e on e.id = d.event_id`
    return row
  })
  gauge(metrics, 'event_outbox_pending', 'Deliveries that wait', async () => (await read())?.pending)
  gauge(
    metrics,
    'event_outbox_lag_seconds',
    'Age of the oldest one that waits',
    async () => (await read())?.lag,
  )
  gauge(metrics, 'event_dead_letters', 'Events refused for good', async () => (await read())?.dead)
}
