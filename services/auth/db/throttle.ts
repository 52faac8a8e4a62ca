import type { Sql } from '@ait/kit'
import type { FailureCounter } from '../domain/throttle.ts'
import type { FailureCountersRow } from './types.ts'

export interface CounterKey {
  scope: string
  key: string
}

const counterOf = (row: FailureCountersRow): FailureCounter => ({
  failures: row.failures,
  firstAt: new Date(row.first_at),
  lastAt: new Date(row.last_at),
})

/**
 * Counters in the order of `keys`, locked until the transaction ends. A missing one is made, with no
 * failures, so that two who begin at once wait for each other.
 */
export async function lockCounters(
  sql: Sql,
  keys: readonly CounterKey[],
  now: Date,
): Promise<FailureCounter[]> {
  // One order for everybody: no deadlocks.
  const sorted = keys.toSorted((a, b) => (a.scope < b.scope ? -1 : 1))
  const rows = await sql<FailureCountersRow[]>`
    insert into failure_counters (scope, key, failures, first_at, last_at)
    select scope, key, 0, ${now}, ${now}
    from unnest(${sorted.map(({ scope }) => scope)}::text[], ${sorted.map(({ key }) => key)}::text[]) as k (scope, key)
    on conflict (scope, key) do update set failures = failure_counters.failures
    returning *`
  return keys.map((wanted) => counterOf(rows.find((row) => row.scope === wanted.scope) as FailureCountersRow))
}

export async function saveCounter(
  sql: Sql,
  { scope, key }: CounterKey,
  counter: FailureCounter,
): Promise<void> {
  await sql`
    update failure_counters set failures = ${counter.failures}, first_at = ${counter.firstAt}, last_at = ${counter.lastAt}
    where scope = ${scope} and key = ${key}`
}

export const findCounter = async (
  sql: Sql,
  { scope, key }: CounterKey,
): Promise<FailureCounter | undefined> => {
  const [row] = await sql<
    FailureCountersRow[]
  >`select * from failure_counters where scope = ${scope} and key = ${key}`
  return row && counterOf(row)
}

/** Takes back a failure that was counted in advance. */
export const forgiveOne = (sql: Sql, { scope, key }: CounterKey) =>
  sql`update failure_counters set failures = greatest(failures - 1, 0) where scope = ${scope} and key = ${key}`

export const deleteCounter = (sql: Sql, { scope, key }: CounterKey) =>
  sql`delete from failure_counters where scope = ${scope} and key = ${key}`

export const forgetCounters = (sql: Sql, before: Date) =>
  sql`delete from failure_counters where last_at < ${before}`
