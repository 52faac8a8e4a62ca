import { defineContract, type Contract } from '../contract/contract.ts'
import { get, post } from '../contract/operation.ts'
import { Id, named, nullable, Page, PageOf, T, Timestamp } from '../contract/schema.ts'
import { receiveOperations } from '../events/receive.ts'
import { outboxChannel } from '../events/outbox.ts'
import { problems } from '../http/problems.ts'
import type { Route } from './define.ts'

const AuditEntry = named(
  'AuditEntry',
  T.Object({
    id: Id,
    at: Timestamp,
    actor_kind: T.String(),
    actor_id: nullable(T.String()),
    action: T.String(),
    resource_type: nullable(T.String()),
    resource_id: nullable(T.String()),
    address: nullable(T.String()),
    agent: nullable(T.String()),
    request_id: nullable(T.String()),
    detail: T.Record(T.String(), T.Unknown()),
  }),
)

const DeadLetter = named(
  'DeadLetter',
  T.Object({
    event_id: Id,
    type: T.String(),
    subject: T.String(),
    subscriber: T.String(),
    attempts: T.Integer(),
    last_error: nullable(T.String()),
    dead_at: Timestamp,
    data: T.Unknown(),
  }),
)

const uuid = '01890a5d-ac96-774b-bcce-b302099a8057'

/** What every service with a database offers to administrators. */
const adminOperations = {
  listAudit: get('/audit', {
    summary: 'Who did what, newest first',
    allow: 'admin',
    query: Page({
      action: T.Optional(T.String()),
      actor_id: T.Optional(T.String()),
      resource_id: T.Optional(T.String()),
    }),
    200: PageOf(AuditEntry),
    example: { query: { limit: 20 } },
  }),
  listDeadLetters: get('/events/dead-letters', {
    summary: 'Events that a subscriber refused for good',
    allow: 'admin',
    query: Page(),
    200: PageOf(DeadLetter),
    example: {},
  }),
  retryDeadLetter: post('/events/dead-letters/:event_id/retry', {
    summary: 'Send such an event again',
    allow: 'admin',
    params: T.Object({ event_id: Id }),
    204: T.Void(),
    example: { params: { event_id: uuid } },
  }),
}

/** The contract with the kit's own operations added. */
export function completeContract(contract: Contract, hasDatabase: boolean): Contract {
  const operations = { ...contract.operations, ...receiveOperations, ...(hasDatabase && adminOperations) }
  return defineContract(contract.service, { operations, events: contract.events })
}

export const adminRoutes: Route[] = [
  {
    operation: 'listAudit',
    async handler(ctx) {
      const { sql, query, page } = ctx
      const rows = await sql`
        select * from kit.audit where true
          ${query.action ? sql`and action = ${query.action}` : sql``}
          ${query.actor_id ? sql`and actor_id = ${query.actor_id}` : sql``}
          ${query.resource_id ? sql`and resource_id = ${query.resource_id}` : sql``}
          ${page.after ? sql`and id < ${page.after[0]}` : sql``}
        order by id desc limit ${page.limit + 1}`
      return ctx.pageOf(rows, (row: { id: string }) => [row.id])
    },
  },
  {
    operation: 'listDeadLetters',
    async handler(ctx) {
      const { sql, page } = ctx
      const [at, id, subscriber] = page.after ?? []
      const rows = await sql`
        select d.event_id, e.type, e.subject, d.subscriber, d.attempts, d.last_error, d.dead_at, e.data
        from kit.deliveries d join kit.events e on e.id = d.event_id
        where d.dead_at is not null
          ${page.after ? sql`and (d.dead_at, d.event_id, d.subscriber) > (${at}, ${id}, ${subscriber})` : sql``}
        order by d.dead_at, d.event_id, d.subscriber limit ${page.limit + 1}`
      return ctx.pageOf(rows, (row: any) => [row.dead_at, row.event_id, row.subscriber])
    },
  },
  {
    operation: 'retryDeadLetter',
    async handler(ctx) {
      const revived = await ctx.sql`
        update kit.deliveries set dead_at = null, refusals = 0, attempts = 0, next_at = now()
        where event_id = ${ctx.params.event_id} and dead_at is not null returning subscriber`
      if (revived.length === 0) throw problems.notFound()
      await ctx.audit('event.retried', { type: 'event', id: ctx.params.event_id })
      await ctx.sql`select pg_notify(${outboxChannel}, '')`
    },
  },
]
