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
): Promise<string> {
  const id = newId()
  await sql`insert into kit.events (id, type, subject, data)
    values (${id}, ${event.type}, ${event.subject}, ${sql.json(event.data as never)})`
  const names = subscribers(event.type)
  if (names.length > 0) {
    await sql`insert into kit.deliveries (event_id, subscriber)
      select ${id}, unnest(${names as string[]}::text[])`
    await sql`select pg_notify(${outboxChannel}, '')`
  }
  return id
}
