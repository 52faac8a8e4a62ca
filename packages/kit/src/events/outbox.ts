import { newId } from '../id.ts'
import type { Sql } from '../db/database.ts'

/** CloudEvents 1.0 in structured JSON mode. */
export interface CloudEvent<Data = any> {
  specversion: '1.0'
  id: string
  source: string
  type: string
  subject: string
  time: string
  datacontenttype: 'application/json'
  data: Data
}

export const outboxChannel = 'kit_outbox'

/** Who is to be told of an event type. */
export type Subscribers = (type: string) => readonly string[]

/**
 * Writes an event and one delivery per subscriber in the caller's transaction: both happen with the
 * change, or neither does. The commit wakes the worker.
 */
export async function emitEvent(
  sql: Sql,
  subscribers: Subscribers,
  event: { type: string; subject: string; data: unknown },
): Promise<void> {
  const names = subscribers(event.type) as string[]
  await sql`
    with event as (
      insert into kit.events (id, type, subject, data)
      values (${newId()}, ${event.type}, ${event.subject}, ${sql.json(event.data as never)}) returning id),
    deliveries as (
      insert into kit.deliveries (event_id, subscriber)
      select id, unnest(${names}::text[]) from event returning subscriber)
    select pg_notify(${outboxChannel}, '') from (select 1 from deliveries limit 1) any_of_them`
}
