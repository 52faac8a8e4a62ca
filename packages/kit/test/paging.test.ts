import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId } from '@ait/kit'
import { personas, startTestService, type Caller, type TestService } from '@ait/testing'
import fc from 'fast-check'
import { createPaging } from '../src/http/paging.ts'
import { notes } from './fixtures/notes/service.ts'

let service: TestService
let ann: Caller
before(async () => {
  service = await startTestService(notes)
  ann = service.as('ann')
})
after(() => service.stop())

const insert = (rank: number, id = newId()): Promise<string> =>
  service.sql`insert into notes (id, owner_id, title, rank) values (${id}, ${personas.ann.id}, 'x', ${rank})`.then(
    () => id,
  )
const page = async (limit: number, cursor?: string | null) =>
  (await ann.call('listNotes', { query: { limit, ...(cursor && { cursor }) } }, 200)).body as {
    items: { id: string; rank: number }[]
    next_cursor: string | null
  }

test('no item is lost or repeated while others are inserted before and after', async () => {
  const rank = fc.integer({ min: 0, max: 5 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(rank, { maxLength: 15 }),
      fc.array(rank, { maxLength: 8 }),
      fc.integer({ min: 1, max: 4 }),
      async (before, during, limit) => {
        await service.sql`delete from notes`
        const there = await Promise.all(before.map((each) => insert(each)))
        const seen: { id: string; rank: number }[] = []
        let cursor: string | null | undefined
        const coming = [...during]
        do {
          const { items, next_cursor } = await page(limit, cursor)
          assert.ok(items.length <= limit)
          seen.push(...items)
          cursor = next_cursor
          const next = coming.shift()
          if (next !== undefined) await insert(next)
        } while (cursor)
        const ids = seen.map((item) => item.id)
        assert.equal(new Set(ids).size, ids.length, 'repeated')
        for (const id of there) assert.ok(ids.includes(id), 'lost')
        const keys = seen.map((item) => `${item.rank} ${item.id}`)
        assert.deepEqual(keys, keys.toSorted())
      },
    ),
    { numRuns: 30 },
  )
})

test('the limit is clamped, and has a default', async () => {
  await service.sql`delete from notes`
  await Promise.all(Array.from({ length: 210 }, (_, i) => insert(i)))
  assert.equal((await page(1000)).items.length, 200)
  assert.equal((await ann.call('listNotes', {}, 200)).body.items.length, 50)
  const last = await page(200, (await page(200)).next_cursor)
  assert.equal(last.items.length, 10)
  assert.equal(last.next_cursor, null)
  for (const limit of [0, -1, 1.5]) await ann.call('listNotes', { query: { limit } }, 422)
})

test('a page that is exactly full has no next one', async () => {
  await service.sql`delete from notes`
  await insert(1)
  await insert(2)
  assert.equal((await page(2)).next_cursor, null)
  assert.notEqual((await page(1)).next_cursor, null)
})

test('a cursor that the list did not give out answers 422', async () => {
  await service.sql`delete from notes`
  for (const rank of [1, 2, 3]) await insert(rank)
  const { next_cursor } = await page(1)
  const [text = '', signature = ''] = (next_cursor as string).split('.')
  const own = Buffer.from(JSON.stringify([0, '00000000-0000-0000-0000-000000000000'])).toString('base64url')
  const other = createPaging('another-secret-0123456789abcdefghijk').write([1, 'x'], 'listNotes')
  const forged = [
    'x',
    '.',
    `${text}.`,
    `.${signature}`,
    `${own}.${signature}`,
    `${text}.${signature.slice(1)}`,
    `${text}A.${signature}`,
    text,
    other,
  ]
  for (const cursor of forged) {
    const answer = await ann.call('listNotes', { query: { cursor } }, 422)
    assert.deepEqual(answer.body.errors[0], {
      loc: ['query', 'cursor'],
      msg: 'is not a cursor of this list',
      type: 'cursor_invalid',
    })
  }
  // One list's cursor means other columns in another.
  await service.as('admin').call('listAudit', { query: { cursor: next_cursor } }, 422)
})
