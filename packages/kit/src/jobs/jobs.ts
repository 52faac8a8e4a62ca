import { PgBoss } from 'pg-boss'
import type { Logger } from 'pino'
import type { Pool, Sql } from '../db/database.ts'
import type { Metrics } from '../http/metrics.ts'

export interface JobRun<Data = any> {
  id: string
  data: Data
  signal: AbortSignal
}

/** A job as the runtime sees it: its service context is bound already. */
export interface BoundJob {
  name: string
  /** Cron expression in UTC. */
  schedule?: string | undefined
  retryLimit?: number | undefined
  concurrency?: number | undefined
  run(job: JobRun): Promise<void>
}

export interface EnqueueOptions {
  startAfter?: Date
  /** While a job with this key waits or runs, another one is not added. */
  singletonKey?: string
}

export interface Jobs {
  /** Adds a job in the caller's transaction: it runs if and only if that commits. */
  enqueue(sql: Sql, name: string, data: object, options?: EnqueueOptions): Promise<void>
  stop(): Promise<void>
}

/** pg-boss on the caller's transaction. */
const database = (sql: Sql) => ({
  executeSql: async (text: string, values?: unknown[]) => ({
    rows: (await sql.unsafe(text, values as never)) as any[],
  }),
})

/** pg-boss on the pool; its own transactions (BEGIN … COMMIT in one text) need a connection to themselves. */
const pooledDatabase = (sql: Pool) => ({
  async executeSql(text: string, values?: unknown[]) {
    if (!/^\s*BEGIN\b/i.test(text)) return database(sql).executeSql(text, values)
    const connection = await sql.reserve()
    try {
      return await database(connection).executeSql(text, values)
    } finally {
      connection.release()
    }
  },
})

/**
 * Runs a service's jobs on pg-boss in the service's own database. A worker that dies gives its job
 * back within seconds (heartbeat), and replicas share the queues.
 */
export async function startJobs(options: {
  sql: Pool
  jobs: readonly BoundJob[]
  metrics: Metrics
  log: Logger
}): Promise<Jobs> {
  const { sql, log, metrics } = options
  const boss = new PgBoss({
    db: {
      ...pooledDatabase(sql),
      async listen(channel, onNotification, onReconnect) {
        const { unlisten } = await sql.listen(channel, onNotification, onReconnect)
        return { close: unlisten }
      },
    },
    schema: 'jobs',
    useListenNotify: true,
    superviseIntervalSeconds: 5,
  })
  boss.on('error', (error) => log.error({ err: error }, 'jobs'))
  await boss.start()
  for (const job of options.jobs) await startQueue(boss, job, log)
  const depth = setInterval(() => void measure(boss, options.jobs, metrics), 15_000)
  return {
    async enqueue(tx, name, data, { startAfter, singletonKey } = {}) {
      await boss.send(name, data, {
        db: database(tx),
        ...(startAfter && { startAfter }),
        ...(singletonKey && { singletonKey }),
      })
    },
    async stop() {
      clearInterval(depth)
      await boss.stop({ graceful: true, timeout: 10_000 })
    },
  }
}

async function startQueue(boss: PgBoss, job: BoundJob, log: Logger): Promise<void> {
  await boss.createQueue(job.name, {
    notify: true,
    retryLimit: job.retryLimit ?? 5,
    retryBackoff: true,
    retryDelay: 1,
    heartbeatSeconds: 10,
    policy: 'standard',
  })
  await boss.work(
    job.name,
    { batchSize: 2, burstWhenBatchFull: true, localConcurrency: job.concurrency ?? 1 },
    async (batch: { id: string; data: object; signal: AbortSignal }[]) => {
      try {
        await Promise.all(batch.map((item) => job.run(item)))
      } catch (error) {
        log.warn({ err: error, job: job.name }, 'job failed')
        throw error
      }
    },
  )
  if (job.schedule) await boss.schedule(job.name, job.schedule, {}, { tz: 'UTC' })
}

async function measure(boss: PgBoss, jobs: readonly BoundJob[], metrics: Metrics): Promise<void> {
  const stats = await boss.getQueues(jobs.map((job) => job.name)).catch(() => [])
  for (const queue of stats) metrics.queueDepth.set({ queue: queue.name }, queue.queuedCount ?? 0)
}
