import { createHash } from 'node:crypto'
import type { Sql } from '../db/database.ts'
import { Problem, problems } from './problems.ts'

export interface StoredAnswer {
  status: number
  response: unknown
  /** `ETag` and `Location`. */
  headers: Record<string, string>
}

export interface IdempotentRequest {
  key: string
  caller: string
  operation: string
  /** What the key stands for: path parameters, query and body. */
  input: unknown
}

/**
 * Runs `work` once per `Idempotency-Key`, inside the caller's transaction: the answer is kept in the
 * same commit as the effect, so a crash leaves both or neither.
 * @throws Problem 409 while the first request is under way, 422 when the key was used for something else.
 */
export async function once(
  sql: Sql,
  request: IdempotentRequest,
  work: () => Promise<StoredAnswer>,
): Promise<StoredAnswer> {
  if (request.key.length > 255 || !/^[\x21-\x7e]+$/.test(request.key))
    throw problems.invalid(['header', 'idempotency-key'], 'must be 1 to 255 visible ASCII characters')
  const { key, caller, operation } = request
  const hash = createHash('sha256').update(JSON.stringify(request.input)).digest('hex')
  const lock = `${caller} ${operation} ${key}`
  const [taken] = await sql<{ got: boolean }[]>`
    select pg_try_advisory_xact_lock(hashtextextended(${lock}, 20)) as got`
  if (!taken?.got)
    throw new Problem(409, 'in_progress', 'A request with this Idempotency-Key is under way', {
      headers: { 'retry-after': '1' },
    })
  const [known] = await sql<(StoredAnswer & { body_hash: string })[]>`
    select status, response, headers, body_hash from kit.idempotency
    where caller = ${caller} and operation = ${operation} and key = ${key}`
  if (known) {
    if (known.body_hash !== hash)
      throw problems.invalid(
        ['header', 'idempotency-key'],
        'was used for another request',
        'idempotency_reuse',
      )
    return known
  }
  const answer = await work()
  await sql`
    insert into kit.idempotency (key, caller, operation, body_hash, status, response, headers)
    values (${key}, ${caller}, ${operation}, ${hash}, ${answer.status},
      ${sql.json((answer.response ?? null) as never)}, ${sql.json(answer.headers)})`
  return answer
}
