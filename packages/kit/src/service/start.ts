import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { authAuthority } from '../access/authority.ts'
import type { Principal } from '../access/principal.ts'
import { followRevocations } from '../access/revocations.ts'
import { createVerifier } from '../access/verify.ts'
import { kitConfig, readConfig, refuseWeakSecrets } from '../config.ts'
import { databaseUrl, ensureDatabase, openPool, type Pool } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { startDeliveries } from '../events/deliver.ts'
import { receiveRoute } from '../events/receive.ts'
import { createApp, mountOperations } from '../http/app.ts'
import { unitOf } from '../http/context.ts'
import { serveDocs } from '../http/docs.ts'
import { createHealth, type HealthCheck } from '../http/health.ts'
import { createMetrics } from '../http/metrics.ts'
import { openApi } from '../http/openapi.ts'
import { createPaging } from '../http/paging.ts'
import { startJobs, type Jobs } from '../jobs/jobs.ts'
import { portOf, type Platform } from '../platform.ts'
import { createTransport } from '../transport.ts'
import { cleanupJob } from './cleanup.ts'
import type { Job, ServiceManifest, ServiceRuntime } from './define.ts'
import { adminRoutes, completeContract } from './operations.ts'
import { serveProbes } from './probes.ts'
import { eventChecker, noDatabase, type Runtime } from './runtime.ts'

export interface RunningService {
  name: string
  manifest: ServiceManifest
  app: FastifyInstance
  /** What `setup` made: for the service's own tests. */
  deps: any
  runtime: ServiceRuntime
  /** Takes a raw request without a socket. See `handPrincipal`. */
  handle(request: IncomingMessage, response: ServerResponse): void
  /** Opens its port; resolves to its address. */
  listen(port?: number, host?: string): Promise<string>
  /** Finishes what is under way, then closes. */
  stop(): Promise<void>
}

/**
 * Starts a service: configuration, database and its migrations, routes, events, jobs. The service is
 * ready when this resolves; `listen` then opens its port.
 * @throws ConfigError naming the variable; any error of `setup`. Nothing is left running then.
 */
export async function startService(given: ServiceManifest, platform: Platform): Promise<RunningService> {
  const manifest = { ...given, contract: completeContract(given.contract, given.database !== null) }
  const stops: (() => Promise<unknown> | void)[] = []
  const stop = async (log: Logger): Promise<void> => {
    for (const work of stops.splice(0).toReversed()) {
      await Promise.resolve(work()).catch((error: unknown) => log.warn({ err: error }, 'while stopping'))
    }
  }
  const log = platform.log.child({ service: manifest.name })
  try {
    return await assemble(manifest, platform, log, stops, () => stop(log))
  } catch (error) {
    await stop(log)
    throw error
  }
}

type Stops = (() => Promise<unknown> | void)[]

async function assemble(
  manifest: ServiceManifest,
  platform: Platform,
  log: Logger,
  stops: Stops,
  stop: () => Promise<void>,
): Promise<RunningService> {
  const { runtime, service } = await createRuntime(manifest, platform, log, stops)
  const app = createApp(runtime)
  runtime.deps = (await manifest.setup?.(service)) ?? {}
  const own = manifest.database === null ? [] : adminRoutes
  mountOperations(app, runtime, [
    ...manifest.routes,
    ...own,
    receiveRoute(runtime, manifest.subscriptions ?? []),
  ])
  serveProbes(app, runtime)
  await manifest.mount?.(app, service, runtime.deps)
  if (!app.hasRoute({ method: 'GET', url: '/docs' }))
    serveDocs(app, manifest.title, openApi(manifest.contract, manifest))
  await app.ready()
  if (manifest.database !== null) await startWorkers(runtime, manifest, stops)
  stops.push(
    () => app.close(),
    () => runtime.health.drain(),
  )
  return {
    name: manifest.name,
    manifest,
    app,
    deps: runtime.deps,
    runtime: service,
    handle: (request, response) => app.routing(request, response),
    listen: (port = portOf(manifest, platform.env), host = platform.env['HOST'] || '0.0.0.0') =>
      app.listen({ port, host }),
    stop,
  }
}

async function createRuntime(manifest: ServiceManifest, platform: Platform, log: Logger, stops: Stops) {
  const config = { ...readConfig(kitConfig, platform.env), ...readConfig(manifest.config, platform.env) }
  refuseWeakSecrets(config)
  const serviceTokens = config.SERVICE_AUTH_TOKEN.split(',').map((token) => token.trim())
  const transport = createTransport(platform.services, serviceTokens[0] as string)
  const authority = platform.authority ?? authAuthority(transport)
  const revocations = followRevocations(authority, log)
  stops.push(() => revocations.stop())
  const metrics = createMetrics(manifest.name)
  stops.push(() => metrics.stop())
  const checks: Record<string, HealthCheck> = {}
  const sql =
    manifest.database === null
      ? noDatabase(manifest.name)
      : await openDatabase(manifest, platform, config.DATABASE_POOL_SIZE, config.POSTGRES_URL)
  if (manifest.database !== null) {
    stops.push(() => sql.end({ timeout: 5 }))
    await migrate(sql, join(manifest.folder, 'db/migrations'))
    checks['database'] = async () => void (await sql`select 1`)
  }
  const verifier = createVerifier({
    authority,
    issuer: config.PUBLIC_URL,
    audience: config.TOKEN_AUDIENCE,
    serviceTokens,
    revocations,
  })
  const subscribers = subscribersOf(platform)
  const runtime: Runtime = {
    manifest,
    platform,
    config,
    log,
    sql,
    transport,
    verifier,
    metrics,
    subscribers,
    deps: {},
    health: createHealth(manifest.name, manifest.version, checks),
    paging: createPaging(config.JWT_SECRET_KEY),
    now: () => platform.now(),
    enqueue: () => Promise.reject(new Error('jobs have not started')),
    checkEvent: eventChecker(manifest),
  }
  const write: ServiceRuntime['write'] = (work) =>
    sql.begin((tx) => work(unitOf(runtime, tx, ownOrigin(manifest.name), log))) as never
  const service: ServiceRuntime = {
    name: manifest.name,
    config,
    platform,
    log,
    sql,
    transport,
    verifier,
    revocations,
    metrics,
    write,
    now: runtime.now,
    check: (name, check) => void (checks[name] = check),
    onStop: (work) => void stops.push(async () => work()),
  }
  return { runtime, service }
}

function subscribersOf(platform: Platform): (type: string) => readonly string[] {
  const byType = new Map<string, string[]>()
  for (const { name, subscriptions } of platform.services.all)
    for (const type of subscriptions) byType.set(type, [...(byType.get(type) ?? []), name])
  return (type) => byType.get(type) ?? []
}

const ownOrigin = (name: string) => ({
  principal: { kind: 'service', id: name } satisfies Principal as Principal,
  address: null,
  agent: null,
  requestId: null,
})

async function openDatabase(
  manifest: ServiceManifest,
  platform: Platform,
  poolSize: number,
  server: string,
): Promise<Pool> {
  const variable = `${manifest.name.toUpperCase().replaceAll('-', '_')}_DATABASE_URL`
  const url = platform.env[variable] || (server && databaseUrl(server, manifest.database as string))
  if (!url) throw new Error(`${manifest.name} needs a database: set POSTGRES_URL or ${variable}`)
  await ensureDatabase(url)
  return openPool(url, poolSize, `ait-${manifest.name}`)
}

async function startWorkers(runtime: Runtime, manifest: ServiceManifest, stops: Stops): Promise<void> {
  const { sql, log, metrics, config, transport } = runtime
  const jobs: Jobs = await startJobs({
    sql,
    log,
    metrics,
    jobs: [...(manifest.jobs ?? []), cleanupJob].map((job) => bindJob(runtime, job)),
  })
  runtime.enqueue = jobs.enqueue
  stops.push(() => jobs.stop())
  const deliveries = await startDeliveries({
    sql,
    log,
    metrics,
    transport,
    service: manifest.name,
    retryBaseMs: config.EVENT_RETRY_BASE_MS,
    maxRefusals: config.EVENT_MAX_ATTEMPTS,
  })
  stops.push(() => deliveries.stop())
}

function bindJob(runtime: Runtime, job: Job) {
  const { sql, log } = runtime
  const base = unitOf(runtime, sql, ownOrigin(runtime.manifest.name), log)
  const write = (work: (unit: any) => Promise<any>) =>
    sql.begin((tx) => work(unitOf(runtime, tx, ownOrigin(runtime.manifest.name), log)))
  return {
    name: job.name,
    schedule: job.schedule,
    retryLimit: job.retryLimit,
    concurrency: job.concurrency,
    run: (run: { id: string; data: any; signal: AbortSignal }) =>
      job.handler(run, { ...base, write } as never),
  }
}
