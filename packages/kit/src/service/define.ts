import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Policy } from '../access/policy.ts'
import type { KitConfig } from '../config.ts'
import type { Contract } from '../contract/contract.ts'
import type { ResultOf } from '../contract/operation.ts'
import type { Static, TObject } from '../contract/schema.ts'
import type { Pool } from '../db/database.ts'
import type { CloudEvent } from '../events/outbox.ts'
import type { Context, Unit } from '../http/context.ts'
import type { HealthCheck } from '../http/health.ts'
import type { Metrics } from '../http/metrics.ts'
import type { JobRun } from '../jobs/jobs.ts'
import type { Platform } from '../platform.ts'
import type { Revocations } from '../access/revocations.ts'
import type { Verifier } from '../access/verify.ts'
import type { Transport } from '../transport.ts'

/** A handler bound to its operation's name. */
export interface Route {
  operation: string
  handler(ctx: any): Promise<unknown>
}

export interface Subscription {
  type: string
  handler(event: CloudEvent, unit: Unit<any, any>): Promise<void>
}

export interface Job {
  name: string
  /** Cron expression, UTC. */
  schedule?: string
  retryLimit?: number
  concurrency?: number
  handler(job: JobRun, unit: JobUnit<any, any>): Promise<void>
}

/** What a job works with. It opens a transaction for what must happen together: `unit.write(…)`. */
export interface JobUnit<Config, Deps> extends Omit<Unit<Config, Deps>, 'emit' | 'enqueue' | 'audit'> {
  write<T>(work: (unit: Unit<Config, Deps>) => Promise<T>): Promise<T>
}

/** What `setup` and `mount` get: the service while it starts. */
export interface ServiceRuntime<Config = any> {
  name: string
  config: Config & KitConfig
  platform: Platform
  log: Logger
  /** Absent in a service without a database. */
  sql: Pool
  transport: Transport
  verifier: Verifier
  revocations: Revocations
  metrics: Metrics
  now(): Date
  /** Runs work in one transaction of its own, as the service. */
  write<T>(work: (unit: Unit<Config, any>) => Promise<T>): Promise<T>
  /** Adds a check to `/health`. */
  check(name: string, check: HealthCheck): void
  /** Runs when the service stops, before its database is closed. */
  onStop(work: () => Promise<void> | void): void
}

export interface ServiceManifest {
  name: string
  title: string
  description: string
  version: string
  port: number
  /** Name of its database; null when it keeps nothing. */
  database: string | null
  /** Its folder: `import.meta.dirname`. */
  folder: string
  contract: Contract
  policy: Policy
  config: TObject
  routes: readonly Route[]
  subscriptions?: readonly Subscription[]
  jobs?: readonly Job[]
  /** Makes what handlers get as `ctx.deps`. */
  setup?(service: ServiceRuntime): Promise<unknown> | unknown
  /** For wire protocols that are not operations: routes of their own on the Fastify instance. */
  mount?(app: FastifyInstance, service: ServiceRuntime, deps: any): Promise<void> | void
  /** Writes demo data. Runs again without harm. */
  seed?(service: ServiceRuntime, deps: any): Promise<void>
}

/** Defines a service. See `services/<name>/service.ts` of any of them. */
export const defineService = (manifest: ServiceManifest): ServiceManifest => manifest

/**
 * The typed builders of one service, made once in its `kit.ts`:
 * `export const { route, on, job } = builders<Deps>()({ contract, policy, config })`.
 */
export const builders =
  <Deps = {}>() =>
  <const C extends Contract, const P extends Policy, K extends TObject>(_parts: {
    contract: C
    policy: P
    config: K
  }) => {
    type Config = Static<K> & KitConfig
    return {
      /** Binds a handler to an operation of the contract. */
      route: <N extends keyof C['operations'] & string>(
        operation: N,
        handler: (ctx: Context<C['operations'][N], P, Config, Deps>) => Promise<ResultOf<C['operations'][N]>>,
      ): Route => ({ operation, handler: handler as Route['handler'] }),
      /** Subscribes to an event of another service. The handler's writes and the receipt commit together. */
      on: <Data>(
        type: string,
        handler: (event: CloudEvent<Data>, unit: Unit<Config, Deps>) => Promise<void>,
      ): Subscription => ({
        type,
        handler,
      }),
      job: <Data extends object>(
        name: string,
        options: Omit<Job, 'name' | 'handler'>,
        handler: (job: JobRun<Data>, unit: JobUnit<Config, Deps>) => Promise<void>,
      ): Job => ({ name, ...options, handler }),
    }
  }
