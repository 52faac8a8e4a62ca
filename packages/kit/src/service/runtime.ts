import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import type { Logger } from 'pino'
import type { KitConfig } from '../config.ts'
import type { Pool, Sql } from '../db/database.ts'
import type { Turns } from '../db/turns.ts'
import type { Subscribers } from '../events/outbox.ts'
import type { Health } from '../http/health.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Paging } from '../http/paging.ts'
import type { EnqueueOptions } from '../jobs/jobs.ts'
import type { Platform } from '../platform.ts'
import type { Transport } from '../transport.ts'
import type { Verifier } from '../access/verify.ts'
import type { Origin } from '../audit.ts'
import type { ServiceManifest } from './define.ts'

/** One running service's parts, as the kit's own modules see them. */
export interface Runtime {
  manifest: ServiceManifest
  platform: Platform
  config: KitConfig & Record<string, any>
  deps: any
  log: Logger
  sql: Pool
  turns: Turns
  transport: Transport
  verifier: Verifier
  metrics: Metrics
  health: Health
  paging: Paging
  subscribers: Subscribers
  now(): Date
  enqueue(sql: Sql, job: string, data: object, options?: EnqueueOptions): Promise<void>
  /** Throws when an event's data is not what its contract says. */
  checkEvent(type: string, data: object): void
}

/** What ends a service's parts, in the order in which they were made: the last one ends first. */
export type Stops = (() => Promise<unknown> | void)[]

/** Whence a change comes that a service makes of its own accord. */
export const ownOrigin = (service: string): Origin => ({
  principal: { kind: 'service', id: service },
  address: null,
  agent: null,
  requestId: null,
})

/** Checks event data against the contract before it is written: what is out cannot be called back. */
export function eventChecker(manifest: ServiceManifest): (type: string, data: object) => void {
  const ajv = formats.default(new Ajv({ strict: false }))
  const validators = new Map<string, ValidateFunction>()
  return (type, data) => {
    let validate = validators.get(type)
    if (!validate) {
      const { $id: _, ...schema } = JSON.parse(JSON.stringify(manifest.contract.events[type]))
      validators.set(type, (validate = ajv.compile(schema)))
    }
    if (!validate(data)) throw new Error(`event ${type}: ${ajv.errorsText(validate.errors)}`)
  }
}

/** `sql` of a service without a database: any use says so. */
export const noDatabase = (service: string): Pool =>
  new Proxy((() => {}) as never, {
    apply: () => {
      throw new Error(`${service} has no database`)
    },
    get: (_target, name) => {
      // Passing it through an async function looks whether it is a promise; that is no use of it.
      if (name === 'then') return undefined
      throw new Error(`${service} has no database`)
    },
  })
