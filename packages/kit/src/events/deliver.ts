import type { Logger } from 'pino'
import type { Pool } from '../db/database.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Transport } from '../transport.ts'
import { outboxChannel, type CloudEvent } from './outbox.ts'

interface Due {
  event_id: string
  subscriber: string
  attempts: number
  refusals: number
  type: string
  subject: string
  data: unknown
  time: string
}

interface Options {
  sql: Pool
  service: string
  transport: Transport
  metrics: Metrics
  log: Logger
  retryBaseMs: number
  maxRefusals: number
}

const batch = 20
const leaseMs = 30_000
const pollMs = 5000
const maxWaitMs = 60_000

export interface Deliveries {
  stop(): Promise<void>
}

/**
 * Sends events to their subscribers, at least once. A subscriber that cannot be reached is tried
 * until it is back; one that refuses an event too often leaves it as a dead letter.
 * A delivery that is being sent is leased, so that replicas share the work and a crash gives it back.
 */
export async function startDeliveries(options: Options): Promise<Deliveries> {
  const { sql, log } = options
  let stopped = false
  let running: Promise<void> | undefined
  let again = false

  const drain = async (): Promise<void> => {
    do {
      again = false
      while (!stopped && (await deliverBatch(options)) === batch);
    } while (again && !stopped)
  }
  const wake = (): void => {
    again = true
    if (stopped || running) return
    running = drain()
      .catch((error) => log.error({ err: error }, 'events cannot be delivered'))
      .finally(() => {
        running = undefined
        if (!stopped) schedule()
      })
  }
  let timer: NodeJS.Timeout | undefined
  const schedule = (): void => {
    void nextDue(options).then((ms) => {
      clearTimeout(timer)
      if (!stopped) timer = setTimeout(wake, ms)
    })
  }
  const listener = await sql.listen(outboxChannel, wake, wake)
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await listener.unlisten().catch(() => {})
      await running
    },
  }
}

/** Milliseconds until the next delivery is due, at most the polling interval; also sets the gauges. */
async function nextDue({ sql, metrics }: Options): Promise<number> {
  try {
    const [row] = await sql<{ wait: number | null; pending: number; dead: number; lag: number }[]>`
      select extract(epoch from min(next_at) filter (where dead_at is null) - now())::float8 * 1000 as wait,
        count(*) filter (where dead_at is null)::int as pending,
        count(*) filter (where dead_at is not null)::int as dead,
        coalesce(extract(epoch from now() - min(e.time) filter (where dead_at is null)), 0)::float8 as lag
      from kit.deliveries d join kit.events e on e.id = d.event_id`
    metrics.outboxPending.set(row?.pending ?? 0)
    metrics.deadLetters.set(row?.dead ?? 0)
    metrics.outboxLag.set(row?.lag ?? 0)
    return Math.min(Math.max(row?.wait ?? pollMs, 5), pollMs)
  } catch {
    return pollMs
  }
}

async function deliverBatch(options: Options): Promise<number> {
  const due = await options.sql<Due[]>`
    with due as (
      select event_id, subscriber from kit.deliveries
      where dead_at is null and next_at <= now()
      order by next_at limit ${batch} for update skip locked),
    leased as (
      update kit.deliveries d set attempts = attempts + 1, next_at = now() + ${leaseMs} * interval '1 ms'
      from due where d.event_id = due.event_id and d.subscriber = due.subscriber
      returning d.*)
    select l.event_id, l.subscriber, l.attempts, l.refusals, e.type, e.subject, e.data, e.time
    from leased l join kit.events e on e.id = l.event_id order by l.event_id`
  // One subscriber gets its events in order; subscribers do not wait for each other.
  const queues = Map.groupBy(due, (delivery) => delivery.subscriber)
  await Promise.all(
    [...queues.values()].map(async (queue) => {
      for (const delivery of queue) await deliver(options, delivery)
    }),
  )
  return due.length
}

async function deliver(options: Options, delivery: Due): Promise<void> {
  const { sql, service, log } = options
  const event: CloudEvent = {
    specversion: '1.0',
    id: delivery.event_id,
    source: `/services/${service}`,
    type: delivery.type,
    subject: delivery.subject,
    time: delivery.time,
    datacontenttype: 'application/json',
    data: delivery.data,
  }
  const status = await send(options, delivery.subscriber, event)
  const key = sql`event_id = ${delivery.event_id} and subscriber = ${delivery.subscriber}`
  if (status >= 200 && status < 300) {
    await sql`delete from kit.deliveries where ${key}`
    return
  }
  const unreachable = status === 0 || status === 502 || status === 503 || status === 504 || status === 429
  const refusals = delivery.refusals + (unreachable ? 0 : 1)
  const dead = refusals >= options.maxRefusals
  const wait =
    Math.min(options.retryBaseMs * 2 ** (delivery.attempts - 1), maxWaitMs) * (0.75 + Math.random() / 2)
  const reason = status === 0 ? 'not reachable' : `answered ${status}`
  await sql`
    update kit.deliveries set refusals = ${refusals}, last_error = ${reason},
      next_at = now() + ${Math.round(wait)} * interval '1 ms', dead_at = ${dead ? sql`now()` : null}
    where ${key}`
  const about = { event_id: event.id, type: event.type, subscriber: delivery.subscriber, reason }
  if (dead) log.error(about, 'event is a dead letter')
  else log.debug(about, 'event will be sent again')
}

/** Status of the subscriber's answer; 0 when there was none. */
async function send({ transport }: Options, subscriber: string, event: CloudEvent): Promise<number> {
  try {
    const answer = await transport({
      service: subscriber,
      method: 'POST',
      path: '/internal/events',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: event,
      timeoutMs: leaseMs / 2,
    })
    return answer.status
  } catch {
    return 0
  }
}
