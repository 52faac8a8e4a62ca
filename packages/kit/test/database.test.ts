import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { databaseUrl, openPool, type Pool } from '@ait/kit'
import { testServer } from '@ait/testing'

let sql: Pool
before(() => {
  sql = openPool(databaseUrl(testServer(), 'postgres'), 2, 'database-test')
})
after(() => sql.end())

test('rows carry what the API answers with', async () => {
  const [row] =
    await sql`select '2026-01-28T11:00:00.1234+01'::timestamptz(3) as at, '2026-01-28'::date as day,
    9007199254740991::bigint as big, 0.1::numeric as exact, '{"a": [1]}'::jsonb as json, null::timestamptz as nothing,
    array['2026-01-28T10:00:00Z'::timestamptz] as times`
  assert.deepEqual(
    { ...row },
    {
      at: '2026-01-28T10:00:00.123Z',
      day: '2026-01-28',
      big: Number.MAX_SAFE_INTEGER,
      exact: '0.1',
      json: { a: [1] },
      nothing: null,
      times: ['2026-01-28T10:00:00.000Z'],
    },
  )
})

test('instants go in as text or as Date, and come out to the millisecond', async () => {
  const at = new Date('2026-01-28T10:00:00.789Z')
  const [row] = await sql`select ${at}::timestamptz(3) as date, ${at.toISOString()}::timestamptz(3) as text`
  assert.deepEqual({ ...row }, { date: at.toISOString(), text: at.toISOString() })
})

test('days are days of UTC, wherever the server stands', async () => {
  const [row] =
    await sql`select ('2026-01-28T23:30:00-05:00'::timestamptz)::date as day, current_setting('TimeZone') as zone,
    '1890-01-01T00:00:00Z'::timestamptz as old`
  assert.deepEqual({ ...row }, { day: '2026-01-29', zone: 'UTC', old: '1890-01-01T00:00:00.000Z' })
})

test('a value that has no RFC 3339 form is an error of that query alone', async () => {
  await assert.rejects(async () => sql`select 'infinity'::timestamptz`, /Invalid time value/)
  assert.equal((await sql`select 1 as one`)[0]?.['one'], 1)
})
