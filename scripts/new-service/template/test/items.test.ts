import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { personas, startTestService, type TestService } from '@ait/testing'
import { deleteDone } from '../jobs.ts'
import manifest from '../service.ts'

let service: TestService
before(async () => {
  service = await startTestService(manifest)
})
after(() => service.stop())

const createdBy = async (persona: 'ann' | 'bob', title = 'Call the client') =>
  (await service.as(persona).call('createItem', { body: { title } }, 201)).body

test('a stranger finds nothing: the same answer as for what is missing', async () => {
  const item = await createdBy('ann')
  const stranger = service.as('stranger')
  const missing = await stranger.call('getItem', { params: { id: personas.ann.id } }, 404)
  const hidden = await stranger.call('getItem', { params: { id: item.id } }, 404)
  assert.deepEqual(hidden.raw, missing.raw)
  await stranger.call('updateItem', { params: { id: item.id }, body: { done: true } }, 404)
  await stranger.call('deleteItem', { params: { id: item.id } }, 404)
  const list = await stranger.call('listItems', {}, 200)
  assert.deepEqual(list.body.items, [])
})

test('a viewer reads, and may not write', async () => {
  const item = await createdBy('ann')
  const share = { subject_type: 'user', subject_id: personas.bob.id, role: 'viewer' }
  await service.as('ann').call('shareItem', { params: { id: item.id }, body: share }, 200)
  const seen = await service.as('bob').call('getItem', { params: { id: item.id } }, 200)
  assert.deepEqual(seen.body.abilities, ['view'])
  await service.as('bob').call('updateItem', { params: { id: item.id }, body: { done: true } }, 403)
})

test('the owner sees with whom an item is shared, and takes it back', async () => {
  const ann = service.as('ann')
  const { id } = await createdBy('ann')
  const share = { subject_type: 'user', subject_id: personas.bob.id, role: 'editor' }
  const { body: shared } = await ann.call('shareItem', { params: { id }, body: share }, 200)
  await service.as('bob').call('updateItem', { params: { id }, body: { title: 'Ours' } }, 200)
  await service.as('bob').call('listItemShares', { params: { id } }, 403)
  const { body: shares } = await ann.call('listItemShares', { params: { id } }, 200)
  assert.deepEqual(shares.items, [shared])
  await ann.call('unshareItem', { params: { id, share_id: shared.id } }, 204)
  await service.as('bob').call('getItem', { params: { id } }, 404)
})

test('a change that read an older version is refused', async () => {
  const item = await createdBy('ann')
  const first = await service
    .as('ann')
    .call(
      'updateItem',
      { params: { id: item.id }, body: { title: 'A' }, headers: { 'if-match': '"v1"' } },
      200,
    )
  assert.equal(first.headers['etag'], '"v2"')
  await service
    .as('ann')
    .call(
      'updateItem',
      { params: { id: item.id }, body: { title: 'B' }, headers: { 'if-match': '"v1"' } },
      412,
    )
})

test('completing an item tells the others, once', async () => {
  const item = await createdBy('ann')
  for (const title of ['first', 'again'])
    await service.as('ann').call('updateItem', { params: { id: item.id }, body: { title, done: true } }, 200)
  const told = (await service.events('example.item.completed.v1')).filter((data) => data.id === item.id)
  assert.deepEqual(told, [{ id: item.id, owner_id: personas.ann.id, version: 2 }])
})

test('a deleted item is gone, with its shares', async () => {
  const { id } = await createdBy('ann')
  const share = { subject_type: 'everyone', role: 'viewer' }
  await service.as('ann').call('shareItem', { params: { id }, body: share }, 200)
  await service.as('ann').call('deleteItem', { params: { id } }, 204)
  await service.as('ann').call('getItem', { params: { id } }, 404)
  const shares = await service.sql`select id from kit.shares where resource_id = ${id}`
  assert.equal(shares.length, 0)
})

test('what is done is deleted when its time is over, and nothing else', async () => {
  const [open, done] = [await createdBy('ann'), await createdBy('ann')]
  const ann = service.as('ann')
  await ann.call('updateItem', { params: { id: done.id }, body: { done: true } }, 200)
  const keepDays = service.service.runtime.config.EXAMPLE_KEEP_DONE_DAYS
  const runAfter = (days: number) =>
    deleteDone.handler(
      {} as never,
      {
        ...service.service.runtime,
        now: () => new Date(Date.now() + days * 86_400_000),
      } as never,
    )
  await runAfter(keepDays - 1)
  await ann.call('getItem', { params: { id: done.id } }, 200)
  await runAfter(keepDays + 1)
  await ann.call('getItem', { params: { id: done.id } }, 404)
  await ann.call('getItem', { params: { id: open.id } }, 200)
})

test('the list goes on where the page before ended', async () => {
  const titles = ['one', 'two', 'three']
  for (const title of titles) await createdBy('bob', title)
  const bob = service.as('bob')
  const first = await bob.call('listItems', { query: { limit: 2, done: false } }, 200)
  const second = await bob.call(
    'listItems',
    { query: { limit: 200, done: false, cursor: first.body.next_cursor } },
    200,
  )
  const seen = [...first.body.items, ...second.body.items].map((item: { title: string }) => item.title)
  assert.deepEqual(seen.slice(0, 3), ['three', 'two', 'one'])
  assert.equal(second.body.next_cursor, null)
})

test('the same Idempotency-Key makes one item', async () => {
  const body = { title: 'Once' }
  const headers = { 'idempotency-key': 'a-key' }
  const first = await service.as('ann').call('createItem', { body, headers }, 201)
  const again = await service.as('ann').call('createItem', { body, headers }, 201)
  assert.deepEqual(again.body, first.body)
  await service.as('ann').call('createItem', { body: { title: 'Other' }, headers }, 422)
})

test('a wrong field is named', async () => {
  const answer = await service.as('ann').call('createItem', { body: { title: '', colour: 'red' } }, 422)
  const places = answer.body.errors.map((error: { loc: string[] }) => error.loc.join('.'))
  assert.deepEqual(places.toSorted(), ['body.colour', 'body.title'])
})

test('a person who is gone leaves nothing', async () => {
  const item = await createdBy('bob')
  const event = {
    specversion: '1.0',
    id: '01900000-0000-7000-8000-00000000abcd',
    source: '/services/auth',
    type: 'auth.user.deleted.v1',
    subject: personas.bob.id,
    time: '2026-01-28T10:00:00.000Z',
    data: { id: personas.bob.id },
  }
  await service.asService().call('receiveEvent', { body: event }, 204)
  await service.as('bob').call('getItem', { params: { id: item.id } }, 404)
})
