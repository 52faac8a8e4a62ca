import { PgBoss, type JobResult, type JobWithMetadata } from 'pg-boss'
import { Gauge } from 'prom-client'
import type { Logger } from 'pino'
import type { Pool, Sql } from '../db/database.ts'
import { oncePerScrape, type Metrics } from '../http/metrics.ts'
import { newId } from '../id.ts'

export interface JobRun<Data = any> {
  id: string
  data: Data
  /** Aborted when the job takes too long or the service does not wait for it any longer. */
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
  /** Waits for jobs under way, at most that long; what is not done then is done again later. */
  stop(timeoutMs: number): Promise<void>
}

/** pg-boss on the caller's transaction. Of several statements in one text it wants every row. */
const database = (sql: Sql) => ({
  async executeSql(text: string, values?: unknown[]) {
    const result: any[] = await sql.unsafe(text, values as never)
    return { rows: Array.isArray(result[0]) ? result.flat() : result }
  },
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
 * back within seconds (heartbeat), and replicas share the queues. Call `stop` also when this throws.
 */
export function createJobs(options: {
  sql: Pool
  jobs: readonly BoundJob[]
  metrics: Metrics
  log: Logger
}): Jobs & { start(): Promise<void> } {
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
    // Both, or a job whose worker died waits for a minute.
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
  })
  boss.on('error', (error) => log.error({ err: error }, 'jobs'))
  return {
    async start() {
      await boss.start()
      for (const job of options.jobs) await startQueue(boss, job, log)
      measureQueues(boss, options.jobs, metrics)
    },
    async enqueue(tx, name, data, { startAfter, singletonKey } = {}) {
      // The queue admits one waiting or running job per key: those without one get a key of their own.
      const key = singletonKey ?? newId()
      await boss.send(name, data, { db: database(tx), singletonKey: key, ...(startAfter && { startAfter }) })
    },
    stop: (timeoutMs) => boss.stop({ graceful: true, timeout: timeoutMs }),
  }
}

async function startQueue(boss: PgBoss, job: BoundJob, log: Logger): Promise<void> {
  const options = {
    notify: true,
    retryLimit: job.retryLimit ?? 5,
    retryBackoff: true,
    retryDelay: 1,
    heartbeatSeconds: 10,
  }
  await boss.createQueue(job.name, { ...options, policy: 'exclusive' })
  // A queue that was there keeps its options otherwise.
  await boss.updateQueue(job.name, options)
  await boss.work(
    job.name,
    {
      // With batches of one, notified workers pause after each job.
      batchSize: 2,
      burstWhenBatchFull: true,
      // New jobs notify; this is how late one may be that is tried again or starts later.
      notifyPollingIntervalSeconds: 5,
      localConcurrency: job.concurrency ?? 1,
      perJobResults: true,
      includeMetadata: true,
    },
    (batch: JobWithMetadata<object>[]) => Promise.all(batch.map((item) => runOne(job, item, log))),
  )
  if (job.schedule) await boss.schedule(job.name, job.schedule, {}, { tz: 'UTC' })
  else await boss.unschedule(job.name)
}

async function runOne(job: BoundJob, item: JobWithMetadata<object>, log: Logger): Promise<JobResult> {
  const { id, retryCount, retryLimit } = item
  try {
    await job.run(item)
    return { id, status: 'completed' }
  } catch (error) {
    const about = { err: error, job: job.name, job_id: id, attempt: retryCount + 1 }
    if (retryCount >= retryLimit) log.error(about, 'job failed for good')
    else log.warn(about, 'job failed, and is tried again')
    return { id, status: 'failed', output: { message: (error as Error)?.message ?? String(error) } }
  }
}

/** Gauges from pg-boss's own statistics, which it renews every few seconds. */
function measureQueues(boss: PgBoss, jobs: readonly BoundJob[], { registry }: Metrics): void {
  const names = jobs.map((job) => job.name)
  const read = oncePerScrape(() => boss.getQueues(names))
  const add = (name: string, help: string, count: 'queuedCount' | 'failedCount') =>
    new Gauge({
      name,
      help,
      labelNames: ['queue'],
      registers: [registry],
      async collect() {
        for (const queue of (await read()) ?? []) this.set({ queue: queue.name }, queue[count] ?? 0)
      },
    })
  add('job_queue_depth', 'Jobs that wait', 'queuedCount')
  add('job_failed', 'Jobs that failed for good', 'failedCount')
}
