import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { findFor, type Policy, type RowOf } from '../access/policy.ts'
import type { Principal } from '../access/principal.ts'
import type { ShareRole } from '../access/shares.ts'
import { writeAudit, type Origin, type Subject } from '../audit.ts'
import type { BodyOf, Operation, ParamsOf, QueryOf } from '../contract/operation.ts'
import type { Sql } from '../db/database.ts'
import { emitEvent } from '../events/outbox.ts'
import type { EnqueueOptions } from '../jobs/jobs.ts'
import { withRequestId, type Transport } from '../transport.ts'
import type { Runtime } from '../service/runtime.ts'
import { addressOf } from './address.ts'
import { etagOf, ifMatchVersion } from './etag.ts'
import type { CursorKey, PageRequest } from './paging.ts'

/** A unit of work: one transaction, and what commits with it. */
export interface Unit<Config, Deps> {
  sql: Sql
  config: Config
  deps: Deps
  log: Logger
  transport: Transport
  now(): Date
  /** Publishes an event if and only if the transaction commits. `subject` is the resource's id. */
  emit(type: string, subject: string, data: object): Promise<void>
  /** Adds a job if and only if the transaction commits. */
  enqueue(job: string, data: object, options?: EnqueueOptions): Promise<void>
  audit(action: string, subject?: Subject, detail?: object): Promise<void>
}

/** What a handler gets. In writes `sql` is the transaction; with `transaction: 'manual'`, the pool. */
export interface Context<O extends Operation, P extends Policy, Config, Deps> extends Unit<Config, Deps> {
  params: ParamsOf<O>
  query: QueryOf<O>
  body: BodyOf<O>
  principal: Principal
  request: FastifyRequest
  reply: FastifyReply
  /** Version named by `If-Match`. */
  ifMatch: number | undefined
  page: PageRequest
  /**
   * Finds a resource on which the caller has `ability`.
   * @throws Problem 404 when it is missing or unseen, 403 when it is seen but that is not granted.
   */
  find<T extends keyof P & string>(
    type: T,
    id: string,
    ability: string,
  ): Promise<RowOf<P[T]> & { abilities: string[] }>
  /** Makes the page of up to `limit` of the `limit + 1` rows that were read. */
  pageOf<Row>(
    rows: readonly Row[],
    key: (row: Row) => CursorKey,
  ): { items: Row[]; next_cursor: string | null }
  /** Runs work in a transaction of its own, when it is the caller’s turn: two connections are left to the others. */
  write<T>(work: (unit: Unit<Config, Deps>) => Promise<T>): Promise<T>
  /** Sets the ETag of the answer. */
  etag(version: number): void
}

/** Makes the unit of work on a given transaction. */
export function unitOf(runtime: Runtime, sql: Sql, origin: Origin, log: Logger): Unit<any, any> {
  return {
    sql,
    config: runtime.config,
    deps: runtime.deps,
    log,
    transport: origin.requestId ? withRequestId(runtime.transport, origin.requestId) : runtime.transport,
    now: runtime.now,
    emit: async (type, subject, data) => {
      if (!runtime.manifest.contract.events[type]) throw new Error(`event ${type} is not in the contract`)
      runtime.checkEvent(type, data)
      await emitEvent(sql, runtime.subscribers, { type, subject, data })
    },
    enqueue: (job, data, options) => runtime.enqueue(sql, job, data, options),
    audit: (action, subject, detail) => writeAudit(sql, origin, action, subject, detail),
  }
}

/**
 * One request's context. A class, because a request would otherwise make a dozen closures:
 * measured at a tenth of the time of a read by key.
 */
export class RequestContext {
  readonly params: any
  readonly query: any
  readonly body: any
  readonly principal: Principal
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** What the handler asked the policy; the runtime refuses answers that did not ask for their own. */
  readonly asked: string[] = []
  sql: Sql
  readonly #runtime: Runtime
  readonly #operation: string
  #page: PageRequest | undefined

  constructor(runtime: Runtime, operation: string, request: FastifyRequest, reply: FastifyReply) {
    this.#runtime = runtime
    this.#operation = operation
    this.request = request
    this.reply = reply
    this.principal = request.principal as Principal
    this.sql = runtime.sql
    this.params = request.params
    this.query = request.query
    this.body = request.body
  }
  get config() {
    return this.#runtime.config
  }
  get deps() {
    return this.#runtime.deps
  }
  get transport(): Transport {
    return withRequestId(this.#runtime.transport, this.request.id)
  }
  get log(): Logger {
    return this.request.log as Logger
  }
  get ifMatch() {
    return ifMatchVersion(this.request.headers['if-match'])
  }
  get page(): PageRequest {
    return (this.#page ??= this.#runtime.paging.read(this.query, this.#operation))
  }
  get origin(): Origin {
    const { headers, id } = this.request
    return {
      principal: this.principal,
      address: addressOf(this.request),
      agent: headers['user-agent']?.slice(0, 400) ?? null,
      requestId: id,
    }
  }
  now(): Date {
    return this.#runtime.now()
  }
  find(type: string, id: string, ability: string): Promise<any> {
    this.asked.push(`${type}.${ability}`)
    return findFor(this.sql, this.#runtime.manifest.policy, type, id, ability, this.principal)
  }
  /** Whether the policy gives a role anything at all: for the kit's own share operations. */
  grants(type: string, role: ShareRole): boolean {
    return (this.#runtime.manifest.policy[type]?.roles[role] ?? []).length > 0
  }
  emit(type: string, subject: string, data: object): Promise<void> {
    return this.#unit(this.sql).emit(type, subject, data)
  }
  enqueue(job: string, data: object, options?: EnqueueOptions): Promise<void> {
    return this.#runtime.enqueue(this.sql, job, data, options)
  }
  audit(action: string, subject?: Subject, detail?: object): Promise<void> {
    return writeAudit(this.sql, this.origin, action, subject, detail)
  }
  write<T>(work: (unit: Unit<any, any>) => Promise<T>): Promise<T> {
    return this.begin((tx) => work(this.#unit(tx)))
  }
  /** Opens a transaction when it is the caller's turn. Within another one there is no waiting: that would be for itself. */
  begin<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    const { sql, turns } = this.#runtime
    const { principal } = this
    const open = () => sql.begin(work) as Promise<T>
    const isOneOfMany = principal.kind === 'user' || principal.kind === 'link'
    return isOneOfMany && this.sql === sql ? turns(principal.id, open) : open()
  }
  etag(version: number): void {
    this.reply.header('etag', etagOf(version))
  }
  pageOf<Row>(rows: readonly Row[], key: (row: Row) => CursorKey) {
    const { limit } = this.page
    const items = rows.slice(0, limit)
    const last = items.at(-1)
    const next_cursor =
      rows.length > limit && last ? this.#runtime.paging.write(key(last), this.#operation) : null
    return { items, next_cursor }
  }
  #unit(sql: Sql): Unit<any, any> {
    return unitOf(this.#runtime, sql, this.origin, this.log)
  }
}
