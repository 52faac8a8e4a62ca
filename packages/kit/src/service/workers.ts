import { startDeliveries } from '../events/deliver.ts'
import { measureOutbox } from '../events/measure.ts'
import { unitOf } from '../http/context.ts'
import { createJobs, type BoundJob } from '../jobs/jobs.ts'
import { cleanupJob } from './cleanup.ts'
import type { Job } from './define.ts'
import { ownOrigin, type Runtime, type Stops } from './runtime.ts'

/** Starts what works without a request: jobs and the delivery of events. */
export async function startWorkers(runtime: Runtime, stops: Stops): Promise<void> {
  const { sql, log, metrics, config, transport, manifest } = runtime
  const bound = [...(manifest.jobs ?? []), cleanupJob].map((job) => bindJob(runtime, job))
  const jobs = createJobs({ sql, log, metrics, jobs: bound })
  stops.push(() => jobs.stop(config.SHUTDOWN_TIMEOUT_MS))
  await jobs.start()
  runtime.enqueue = jobs.enqueue
  measureOutbox(metrics, sql)
  const deliveries = await startDeliveries({
    sql,
    log,
    transport,
    service: manifest.name,
    retryBaseMs: config.EVENT_RETRY_BASE_MS,
    maxRefusals: config.EVENT_MAX_ATTEMPTS,
  })
  stops.push(() => deliveries.stop())
}

function bindJob(runtime: Runtime, { name, schedule, retryLimit, concurrency, handler }: Job): BoundJob {
  const { sql, log, manifest } = runtime
  const unit = unitOf(runtime, sql, ownOrigin(manifest.name), log)
  const write = (work: (unit: any) => Promise<any>) =>
    sql.begin((tx) => work(unitOf(runtime, tx, ownOrigin(manifest.name), log)))
  // `deps` are read when the job runs: it may have been bound before they were made.
  const run: BoundJob['run'] = (job) => handler(job, { ...unit, deps: runtime.deps, write } as never)
  return { name, schedule, retryLimit, concurrency, run }
}
