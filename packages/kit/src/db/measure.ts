import { gauge, oncePerScrape, type Metrics } from '../http/metrics.ts'
import type { Pool } from './database.ts'

/**
 * Gauges of the pool. postgres.js keeps its own count to itself, so PostgreSQL is asked for the
 * connections that bear this pool's name; how long that takes shows whether requests wait for one.
 */
export function measurePool(metrics: Metrics, sql: Pool, size: number): void {
  const read = oncePerScrape(async () => {
    const start = performance.now()
    const [row] = await sql<{ open: number; busy: number }[]>`
      select count(*)::int as open, count(*) filter (where state <> 'idle' and pid <> pg_backend_pid())::int as busy
      from pg_stat_activity
      where application_name = current_setting('application_name') and datname = current_database()`
    return row && { ...row, waitSeconds: (performance.now() - start) / 1000 }
  })
  gauge(metrics, 'db_pool_size', 'Connections that the pool may open', () => size)
  gauge(
    metrics,
    'db_pool_open',
    'Connections that are open, with the one that listens',
    async () => (await read())?.open,
  )
  gauge(
    metrics,
    'db_pool_busy',
    'Connections in use, that of the scrape aside',
    async () => (await read())?.busy,
  )
  gauge(
    metrics,
    'db_pool_wait_seconds',
    'Time until the pool answered the scrape',
    async () => (await read())?.waitSeconds,
  )
}
