import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { authAuthority } from '../access/authority.ts'
import { followRevocations, type Revocations } from '../access/revocations.ts'
import { createVerifier } from '../access/verify.ts'
import { readServiceConfig, serviceTokensOf, type KitConfig } from '../config.ts'
import { databaseUrl, ensureDatabase, openPool, type Pool } from '../db/database.ts'
import { measurePool } from '../db/measure.ts'
import { migrate } from '../db/migrate.ts'
import { createTurns } from '../db/turns.ts'
import { unitOf } from '../http/context.ts'
import { createHealth, type HealthCheck } from '../http/health.ts'
import { createMetrics, type Metrics } from '../http/metrics.ts'
import { createPaging } from '../http/paging.ts'
import type { Platform } from '../platform.ts'
import { createTransport } from '../transport.ts'
import type { ServiceManifest, ServiceRuntime } from './define.ts'
import { eventChecker, noDatabase, ownOrigin, type Runtime, type Stops } from './runtime.ts'

/** Makes what a service runs on: configuration, database, trust, metrics. `stops` gets what ends each. */
export async function createRuntime(
  manifest: ServiceManifest,
  platform: Platform,
  log: Logger,
  stops: Stops,
): Promise<{ runtime: Runtime; service: ServiceRuntime }> {
  const { name } = manifest
  const config = readServiceConfig(manifest.config, platform.env)
  const serviceTokens = serviceTokensOf(config)
  const transport = createTransport(platform.services, serviceTokens[0] as string)
  const metrics = createMetrics(name)
  stops.push(() => metrics.stop())
  const sql = await openDatabase(manifest, platform, config, metrics, stops)
  const authority = platform.authority ?? authAuthority(transport)
  const revocations = followRevocations(authority, log)
  stops.push(() => revocations.stop())
  const trust = { authority, revocations, issuer: config.PUBLIC_URL, audience: config.TOKEN_AUDIENCE }
  const checks: Record<string, HealthCheck> =
    manifest.database === null ? {} : { database: async () => void (await sql`select 1`) }
  const runtime: Runtime = {
    manifest,
    platform,
    config,
    log,
    sql,
    // Two connections are left to the others.
    turns: createTurns(Math.max(1, config.DATABASE_POOL_SIZE - 2)),
    transport,
    metrics,
    verifier: createVerifier({ ...trust, serviceTokens }),
    subscribers: subscribersOf(platform),
    deps: {},
    health: createHealth(name, manifest.version, checks),
    paging: createPaging(config.JWT_SECRET_KEY),
    now: () => platform.now(),
    enqueue: () => Promise.reject(new Error('jobs have not started')),
    checkEvent: eventChecker(manifest),
  }
  return { runtime, service: serviceOf(runtime, revocations, checks, stops) }
}

/** What a service's own `setup` and `mount` get of it. */
function serviceOf(
  runtime: Runtime,
  revocations: Revocations,
  checks: Record<string, HealthCheck>,
  stops: Stops,
): ServiceRuntime {
  const { config, platform, log, sql, transport, verifier, metrics, now } = runtime
  const { name } = runtime.manifest
  return {
    name,
    config,
    platform,
    log,
    sql,
    transport,
    verifier,
    revocations,
    metrics,
    now,
    write: (work) => sql.begin((tx) => work(unitOf(runtime, tx, ownOrigin(name), log))) as never,
    check: (what, check) => void (checks[what] = check),
    onStop: (work) => void stops.push(async () => work()),
  }
}

async function openDatabase(
  { name, database, folder }: ServiceManifest,
  { env }: Platform,
  { POSTGRES_URL, DATABASE_POOL_SIZE }: KitConfig,
  metrics: Metrics,
  stops: Stops,
): Promise<Pool> {
  if (database === null) return noDatabase(name)
  const variable = `${name.toUpperCase().replaceAll('-', '_')}_DATABASE_URL`
  const url = env[variable] || (POSTGRES_URL && databaseUrl(POSTGRES_URL, database))
  if (!url) throw new Error(`${name} needs a database: set POSTGRES_URL or ${variable}`)
  await ensureDatabase(url)
  // The name shows in pg_stat_activity: which replica holds the connection (63 bytes at most).
  const sql = openPool(url, DATABASE_POOL_SIZE, `ait-${name}@${hostname()}:${process.pid}`.slice(0, 63))
  stops.push(() => sql.end({ timeout: 5 }))
  await migrate(sql, join(folder, 'db/migrations'))
  measurePool(metrics, sql, DATABASE_POOL_SIZE)
  return sql
}

function subscribersOf({ services }: Platform): (type: string) => readonly string[] {
  const byType = new Map<string, string[]>()
  for (const { name, subscriptions } of services.all)
    for (const type of subscriptions) byType.set(type, [...(byType.get(type) ?? []), name])
  return (type) => byType.get(type) ?? []
}
