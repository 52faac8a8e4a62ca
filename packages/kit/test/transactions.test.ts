import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { personas, startTestService, until, type TestService } from '@ait/testing'
import { notes } from './fixtures/notes/service.ts'

let service: TestService
before(async () => {
  service = await startTestService(notes, {
    services: [
      { name: 'kitcounts', title: '', port: 1, path: '', subscriptions: ['kitnotes.note.created.v1'] },
    ],
  })
})
after(() => service.stop())

const create = (body: object, key?: string, who: 'ann' | 'bob' = 'ann') =>
  service.as(who).call('createNote', { body, ...(key && { headers: { 'idempotency-key': key } }) })
const countOf = async (title: string): Promise<number> =>
  Number((await service.sql`select count(*)::int as n from notes where title = ${title}`)[0]?.['n'])

/** Everything that a write leaves. */
const traces = async () =>
  (
    await service.sql`select
      (select count(*)::int from notes) as notes, (select count(*)::int from kit.events) as events,
      (select count(*)::int from kit.deliveries) as deliveries, (select count(*)::int from kit.audit) as audit,
      (select count(*)::int from kit.idempotency) as idempotency,
      (select count(*)::int from jobs.job where name = 'note-job') as jobs`
  )[0]

test('what fails late leaves nothing, however it fails', async () => {
  const before = await traces()
  for (const [how, status] of [
    ['throw', 500],
    ['problem', 409],
    ['bad_event', 500],
    ['unknown_event', 500],
  ] as const) {
    const headers = { 'idempotency-key': `late-${how}` }
    await service.as('ann').call('failLate', { body: { title: 'x', how }, headers }, status)
    assert.deepEqual(await traces(), before, how)
  }
})

test('what succeeds leaves all of it', async () => {
  const before = await traces()
  const { body } = await create({ title: 'whole' })
  const after = await traces()
  assert.equal(after?.['notes'], before?.['notes'] + 1)
  assert.equal(after?.['events'], before?.['events'] + 1)
  assert.equal(after?.['deliveries'], before?.['deliveries'] + 1)
  assert.deepEqual((await service.events('kitnotes.note.created.v1')).at(-1), {
    id: body.id,
    title: 'whole',
    version: 1,
  })
})

test('the audit log says who, whence and what', async () => {
  const { body } = await service.as('ann').call('createNote', {
    body: { title: 'audited' },
    headers: { 'user-agent': 'test/1', 'x-request-id': 'audit-request' },
  })
  const { items } = (await service.as('admin').call('listAudit', { query: { resource_id: body.id } }, 200))
    .body
  const [{ id: _, at, ...entry }] = items
  assert.ok(Date.now() - Date.parse(at) < 60_000)
  assert.deepEqual(entry, {
    actor_kind: 'user',
    actor_id: personas.ann.id,
    action: 'note.created',
    resource_type: 'note',
    resource_id: body.id,
    address: '127.0.0.1',
    agent: 'test/1',
    request_id: 'audit-request',
    detail: {},
  })
  await service.as('ann').call('listAudit', {}, 403)
})

test('the audit log only grows, whatever the service’s own role tries', async () => {
  const { sql } = service
  const before = await sql`select * from kit.audit order by id`
  const refusal = /the audit log only grows/
  await assert.rejects(async () => sql`update kit.audit set actor_id = 'somebody'`, refusal)
  await assert.rejects(async () => sql`update kit.audit set actor_id = 'somebody' where false`, refusal)
  await assert.rejects(async () => sql`delete from kit.audit`, refusal)
  await assert.rejects(async () => sql`truncate kit.audit`, refusal)
  await assert.rejects(async () => sql`truncate kit.audit, notes cascade`, refusal)
  await assert.rejects(
    async () =>
      sql.begin(async (tx) => {
        await tx`set local session_replication_role = replica`
        await tx`delete from kit.audit`
      }),
    refusal,
  )
  assert.deepEqual(await sql`select * from kit.audit order by id`, before)
})

test('of two changes to the same version one wins', async () => {
  const { body, headers } = await create({ title: 'contended' })
  assert.equal(headers['etag'], '"v1"')
  const rename = (title: string, ifMatch: string) =>
    service
      .as('ann')
      .call('updateNote', { params: { id: body.id }, body: { title }, headers: { 'if-match': ifMatch } })
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => rename(`title ${i}`, '"v1"')))
  const won = answers.filter((answer) => answer.status === 200)
  assert.equal(won.length, 1)
  assert.ok(answers.every((answer) => answer.status === 200 || answer.status === 412))
  assert.equal(won[0]?.headers['etag'], '"v2"')
  const now = await service.as('ann').call('getNote', { params: { id: body.id } }, 200)
  assert.equal(now.body.title, won[0]?.body.title)
  assert.equal(now.body.version, 2)
  for (const stale of ['"v1"', '"v3"', 'W/"v2"', 'v2', '"2"', '"v02"x', '']) {
    const answer = await rename('never', stale)
    assert.equal(answer.status, 412, stale)
    assert.equal(answer.body.code, 'stale')
  }
  assert.equal((await rename('any', '*')).status, 200)
  assert.equal((await rename('exact', '"v3"')).status, 200)
})

test('without If-Match concurrent changes still lose no update', async () => {
  const { body } = await create({ title: 'free for all' })
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      service.as('ann').call('updateNote', { params: { id: body.id }, body: { title: `${i}` } }),
    ),
  )
  const won = answers.filter((answer) => answer.status === 200).length
  assert.ok(won >= 1 && answers.every((answer) => [200, 412].includes(answer.status)))
  const now = await service.as('ann').call('getNote', { params: { id: body.id } }, 200)
  assert.equal(now.body.version, 1 + won)
})

test('the same key and body give the same answer: status, body and ETag', async () => {
  for (const accept of [false, true]) {
    const key = `same-${accept}`
    const first = await create({ title: key, accept }, key)
    assert.equal(first.status, accept ? 202 : 201)
    const again = await create({ title: key, accept }, key)
    assert.equal(again.status, first.status)
    assert.deepEqual(again.raw, first.raw)
    assert.equal(again.headers['etag'], '"v1"')
    assert.equal(await countOf(key), 1)
  }
})

test('the same key for something else answers 422', async () => {
  const first = await create({ title: 'reused' }, 'reuse')
  const other = await create({ title: 'reused otherwise' }, 'reuse')
  assert.equal(other.status, 422)
  assert.equal(other.body.errors[0].type, 'idempotency_reuse')
  assert.equal(await countOf('reused otherwise'), 0)
  // Another resource by the path is another request too.
  const second = await create({ title: 'second' })
  const headers = { 'idempotency-key': 'copy' }
  const copied = await service.as('ann').call('copyNote', { params: { id: first.body.id }, headers }, 201)
  assert.equal(copied.body.title, 'reused')
  await service.as('ann').call('copyNote', { params: { id: second.body.id }, headers }, 422)
})

test('at the same time: one effect, and 409 or the same answer', async () => {
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => create({ title: 'stampede' }, 'stampede')),
  )
  assert.equal(await countOf('stampede'), 1)
  const ids = new Set(answers.filter((answer) => answer.status === 201).map((answer) => answer.body.id))
  assert.equal(ids.size, 1)
  for (const answer of answers.filter(({ status }) => status !== 201)) {
    assert.equal(answer.status, 409)
    assert.equal(answer.body.code, 'in_progress')
    assert.equal(answer.headers['retry-after'], '1')
  }
})

test('after a failure the key is free again', async () => {
  const headers = { 'idempotency-key': 'failed' }
  await service.as('ann').call('failLate', { body: { title: 'x', how: 'throw' }, headers }, 500)
  await service.as('ann').call('failLate', { body: { title: 'y', how: 'problem' }, headers }, 409)
  await service
    .as('ann')
    .call('createNote', { body: { title: '' }, headers: { 'idempotency-key': 'free' } }, 422)
  assert.equal((await create({ title: 'free' }, 'free')).status, 201)
})

test('a key is the caller’s own', async () => {
  const anns = await create({ title: 'mine' }, 'shared-key')
  const bobs = await create({ title: 'mine' }, 'shared-key', 'bob')
  assert.equal(bobs.status, 201)
  assert.notEqual(anns.body.id, bobs.body.id)
  assert.equal(bobs.body.owner_id, personas.bob.id)
})

test('a key that is no key answers 422', async () => {
  for (const key of ['', ' ', 'a b', 'x'.repeat(256)]) {
    const answer = await service
      .as('ann')
      .call('createNote', { body: { title: 'no key' }, headers: { 'idempotency-key': key } })
    assert.equal(answer.status, 422, JSON.stringify(key))
    assert.deepEqual(answer.body.errors[0].loc, ['header', 'idempotency-key'])
  }
  assert.equal(await countOf('no key'), 0)
})

test('old answers are forgotten by the hourly cleanup, and young ones are not', async () => {
  await create({ title: 'old' }, 'old-key')
  await create({ title: 'young' }, 'young-key')
  await service.sql`update kit.idempotency set created_at = now() - interval '25 hours' where key = 'old-key'`
  await service.service.runtime.write((unit) => unit.enqueue('kit-cleanup', {}))
  await until(
    'the cleanup',
    async () => (await service.sql`select 1 from kit.idempotency where key = 'old-key'`).length === 0,
  )
  assert.equal((await service.sql`select 1 from kit.idempotency where key = 'young-key'`).length, 1)
})

test(
  'one caller whose writes all wait does not keep the others from the database',
  { timeout: 30_000 },
  async () => {
    let mine: Promise<{ status: number }>[] = []
    await service.sql.begin(async (sql) => {
      await sql`lock table notes in exclusive mode`
      mine = Array.from({ length: 10 }, () => create({ title: 'crowd' }))
      await until('writes to wait', async () => {
        const waiting = await sql`
        select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
        return waiting.length > 1
      })
      await service.as('bob').call('listNotes', {}, 200)
      assert.equal(await countOf('crowd'), 0)
    })
    for (const { status } of await Promise.all(mine)) assert.equal(status, 201)
    assert.equal(await countOf('crowd'), 10)
  },
)
