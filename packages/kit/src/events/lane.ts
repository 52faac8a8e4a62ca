import type { Pool } from '../db/database.ts'
import type { DeliveryOptions } from './deliver.ts'
import type { CloudEvent } from './outbox.ts'

interface Delivery {
  event_id: string
  attempts: number
  refusals: number
  type: string
  subject: string
  data: unknown
  time: string
}

/** What became of one sending. `away`: nobody is there who could take or refuse it. */
type Outcome = 'taken' | 'refused' | 'away'

export const pollMs = 5000
const batch = 20
const leaseMs = 30_000
const sendTimeoutMs = 15_000
const maxWaitMs = 60_000

/**
 * Sends what waits for one subscriber, in the order of the events. One replica at a time serves a lane
 * (a lease, so that a crash gives it back). A subscriber that is away keeps its place: the lane waits,
 * longer each time, until it is back. One that refuses an event gets the others meanwhile; refused too
 * often, the event is a dead letter.
 */
export async function serveLane(
  options: DeliveryOptions,
  subscriber: string,
  stop: AbortSignal,
): Promise<void> {
  const { sql } = options
  const lane = await lease(sql, subscriber)
  if (!lane) return
  let away = false
  try {
    for (;;) {
      const due = await nextBatch(sql, subscriber)
      if (due.length === 0 || stop.aborted) break
      away = await serveBatch(options, subscriber, due, stop)
      if (away || stop.aborted) break
    }
  } finally {
    await release(options, subscriber, lane.failures, away)
  }
}

/** Whether the subscriber was away. */
async function serveBatch(
  options: DeliveryOptions,
  subscriber: string,
  due: readonly Delivery[],
  stop: AbortSignal,
): Promise<boolean> {
  const { sql } = options
  const taken: string[] = []
  let renewedAt = Date.now()
  try {
    for (const delivery of due) {
      if (stop.aborted) return false
      if (Date.now() - renewedAt > leaseMs - sendTimeoutMs - 5000) {
        await renew(sql, subscriber)
        renewedAt = Date.now()
      }
      const { outcome, reason } = await send(options, subscriber, delivery)
      if (outcome === 'taken') taken.push(delivery.event_id)
      else if (outcome === 'refused') await noteRefusal(options, subscriber, delivery, reason)
      else {
        await noteAbsence(sql, subscriber, delivery, reason)
        return true
      }
    }
    return false
  } finally {
    if (taken.length > 0)
      await sql`delete from kit.deliveries where subscriber = ${subscriber} and event_id = any(${taken}::uuid[])`
  }
}

/** The lane, unless another replica has it or it is to be left alone. */
const lease = async (sql: Pool, subscriber: string): Promise<{ failures: number } | undefined> =>
  (
    await sql<{ failures: number }[]>`
      insert into kit.lanes as l (subscriber, leased_until)
      values (${subscriber}, now() + ${leaseMs} * interval '1 ms')
      on conflict (subscriber) do update set leased_until = excluded.leased_until
        where l.leased_until <= now() and l.next_at <= now()
      returning l.failures`
  )[0]

const renew = (sql: Pool, subscriber: string) =>
  sql`update kit.lanes set leased_until = now() + ${leaseMs} * interval '1 ms' where subscriber = ${subscriber}`

/** Gives the lane back; to be left alone for a while when the subscriber was away. */
async function release(
  { sql, log, retryBaseMs }: DeliveryOptions,
  subscriber: string,
  failuresBefore: number,
  away: boolean,
): Promise<void> {
  const failures = away ? failuresBefore + 1 : 0
  const waitMs = away ? backoffMs(retryBaseMs, failures) : 0
  await sql`update kit.lanes set leased_until = now(), failures = ${failures},
    next_at = now() + ${waitMs} * interval '1 ms' where subscriber = ${subscriber}`
  if (failures === 5) log.warn({ subscriber }, 'a subscriber does not take events: they wait for it')
  if (!away && failuresBefore >= 5) log.info({ subscriber }, 'the subscriber takes events again')
}

const nextBatch = (sql: Pool, subscriber: string) => sql<Delivery[]>`
  select d.event_id, d.attempts, d.refusals, e.type, e.subject, e.data, e.time
  from kit.deliveries d join kit.events e on e.id = d.event_id
  where d.subscriber = ${subscriber} and d.dead_at is null and d.next_at <= now()
  order by d.event_id limit ${batch}`

const noteAbsence = (sql: Pool, subscriber: string, { event_id }: Delivery, reason: string) => sql`
  update kit.deliveries set attempts = attempts + 1, last_error = ${reason}
  where event_id = ${event_id} and subscriber = ${subscriber}`

async function noteRefusal(
  { sql, log, retryBaseMs, maxRefusals }: DeliveryOptions,
  subscriber: string,
  { event_id, refusals, type }: Delivery,
  reason: string,
): Promise<void> {
  const dead = refusals + 1 >= maxRefusals
  const waitMs = backoffMs(retryBaseMs, refusals + 1)
  await sql`
    update kit.deliveries set attempts = attempts + 1, refusals = refusals + 1, last_error = ${reason},
      next_at = now() + ${waitMs} * interval '1 ms', dead_at = ${dead ? sql`now()` : null}
    where event_id = ${event_id} and subscriber = ${subscriber}`
  const about = { event_id, type, subscriber, reason }
  if (dead) log.error(about, 'event is a dead letter')
  else log.debug(about, 'event will be sent again')
}

/** Doubles each time, up to a minute, and scatters, so that replicas do not come back all at once. */
const backoffMs = (baseMs: number, failures: number): number =>
  Math.round(Math.min(baseMs * 2 ** (failures - 1), maxWaitMs) * (0.75 + Math.random() / 2))

/** Nobody there; overloaded; does not know us or the address: that says nothing of the event. */
const saysNothing = new Set([401, 403, 404, 408, 429, 502, 503, 504])

async function send(
  { transport, service }: DeliveryOptions,
  subscriber: string,
  { event_id, type, subject, time, data }: Delivery,
): Promise<{ outcome: Outcome; reason: string }> {
  const event: CloudEvent = {
    specversion: '1.0',
    id: event_id,
    source: `/services/${service}`,
    type,
    subject,
    time,
    datacontenttype: 'application/json',
    data,
  }
  try {
    const { status } = await transport({
      service: subscriber,
      method: 'POST',
      path: '/internal/events',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: event,
      timeoutMs: sendTimeoutMs,
    })
    const outcome = status >= 200 && status < 300 ? 'taken' : saysNothing.has(status) ? 'away' : 'refused'
    return { outcome, reason: `answered ${status}` }
  } catch {
    return { outcome: 'away', reason: 'not reachable' }
  }
}
