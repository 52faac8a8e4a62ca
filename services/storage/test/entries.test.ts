import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { personas, startTestService, type Caller, type TestService } from '@ait/testing'

import manifest from '../service.ts'
import { unzip } from './support/unzip.ts'
import { upload } from './support/multipart.ts'

let service: TestService
before(async () => {
  service = await startTestService(manifest, { env: { STORAGE_TREE_MAX_ENTRIES: '30' } })
})
after(() => service.stop())

const names = (body: { items: { name: string }[] }): string[] => body.items.map((item) => item.name)
const folderOf = async (caller: Caller, name: string, folder_id: string | null = null) =>
  (await caller.call('createFolder', { body: { name, folder_id } }, 201)).body
const childrenOf = async (caller: Caller, id: string) =>
  names((await caller.call('listFolder', { params: { id } }, 200)).body)

/** work/{reports/{q1.txt, old/{2025.txt}}, todo.txt} */
async function tree(caller: Caller, top: string) {
  const work = await folderOf(caller, top)
  const reports = await folderOf(caller, 'reports', work.id)
  const old = await folderOf(caller, 'old', reports.id)
  const q1 = (await upload(caller, 'q1.txt', 'first quarter', { folder_id: reports.id })).body
  const last = (await upload(caller, '2025.txt', 'last year', { folder_id: old.id })).body
  const todo = (await upload(caller, 'todo.txt', 'to do', { folder_id: work.id })).body
  return { work, reports, old, q1, last, todo }
}

test('folders are made, listed first, and their names are unique', async () => {
  const ann = service.as('ann')
  const { work, reports } = await tree(ann, 'work')
  assert.deepEqual(await childrenOf(ann, work.id), ['reports', 'todo.txt'])
  assert.equal((await ann.call('createFolder', { body: { name: 'work' } }, 409)).body.code, 'name_taken')
  await ann.call('createFolder', { body: { name: 'x', folder_id: personas.bob.id } }, 404)
  const page = (await ann.call('listEntries', { query: { folder: 'work', kind: 'folder' } }, 200)).body
  assert.deepEqual(names(page), ['reports'])
  const entry = (await ann.call('getEntry', { params: { id: reports.id } }, 200)).body
  assert.deepEqual([entry.kind, entry.size, entry.path], ['folder', null, [{ id: work.id, name: 'work' }]])
  await ann.call('getFileMetadata', { params: { id: reports.id } }, 404)
  await ann.call('downloadFile', { params: { id: reports.id } }, 404)
  await ann.call('deleteFile', { params: { id: reports.id } }, 404)
})

test('lists are sorted as asked and go on where they ended', async () => {
  const bob = service.as('bob')
  const { id } = await folderOf(bob, 'list')
  for (const [name, size] of [
    ['b', 3],
    ['a', 1],
    ['c', 2],
  ] as const)
    await upload(bob, name, 'x'.repeat(size), { folder_id: id })
  await folderOf(bob, 'z', id)
  await folderOf(bob, 'y', id)
  const expected = {
    name: ['y', 'z', 'a', 'b', 'c'],
    '-name': ['z', 'y', 'c', 'b', 'a'],
    size: ['z', 'y', 'a', 'c', 'b'],
    '-size': ['y', 'z', 'b', 'c', 'a'],
    created_at: ['z', 'y', 'b', 'a', 'c'],
    '-updated_at': ['y', 'z', 'c', 'a', 'b'],
  }
  for (const [sort, wanted] of Object.entries(expected)) {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query: Record<string, unknown> = { sort, limit: 2, ...(cursor && { cursor }) }
      const { body } = await bob.call('listFolder', { params: { id }, query }, 200)
      seen.push(...names(body))
      cursor = body.next_cursor
    } while (cursor)
    assert.deepEqual(seen, wanted, sort)
  }
  const files = await bob.call(
    'listFiles',
    { query: { folder: 'list', content_type: 'text/', sort: '-size', limit: 1 } },
    200,
  )
  assert.deepEqual(names(files.body), ['b'])
})

test('a rename and a move take everything below along', async () => {
  const ann = service.as('ann')
  const { work, reports, last } = await tree(ann, 'moves')
  const target = await folderOf(ann, 'archive')
  const moved = await ann.call(
    'updateEntry',
    { params: { id: reports.id }, body: { folder_id: target.id, name: 'berichte' } },
    200,
  )
  assert.deepEqual([moved.body.name, moved.body.folder_id, moved.body.version], ['berichte', target.id, 2])
  assert.deepEqual(await childrenOf(ann, work.id), ['todo.txt'])
  const { path } = (await ann.call('getEntry', { params: { id: last.id } }, 200)).body
  assert.deepEqual(
    path.map((folder: { name: string }) => folder.name),
    ['archive', 'berichte', 'old'],
  )
  await ann.call('updateEntry', { params: { id: target.id }, body: { folder_id: reports.id } }, 422)
  await ann.call('updateEntry', { params: { id: target.id }, body: { folder_id: target.id } }, 422)
  await ann.call('updateEntry', { params: { id: target.id }, body: { folder_id: last.id } }, 422)
  await ann.call('updateEntry', { params: { id: target.id }, body: { name: 'moves' } }, 409)
  const headers = { 'if-match': '"v1"' }
  await ann.call('updateEntry', { params: { id: reports.id }, body: { name: 'x' }, headers }, 412)
  const top = await ann.call('updateEntry', { params: { id: reports.id }, body: { folder_id: null } }, 200)
  assert.equal(top.body.folder_id, null)
})

test('nothing becomes deeper than 32 folders', async () => {
  const bob = service.as('bob')
  const path = Array.from({ length: 30 }, (_, n) => `d${n}`).join('/')
  const deep = (await upload(bob, 'x.txt', 'x', { folder: path })).body.folder_id
  const two = await folderOf(bob, 'two')
  await folderOf(bob, 'levels', two.id)
  assert.equal(
    (await bob.call('updateEntry', { params: { id: two.id }, body: { folder_id: deep } }, 200)).body
      .folder_id,
    deep,
  )
  const three = await folderOf(bob, 'three')
  await upload(bob, 'x.txt', 'x', { folder: 'three/levels/more' })
  await bob.call('updateEntry', { params: { id: three.id }, body: { folder_id: deep } }, 422)
  await bob.call('copyEntry', { params: { id: three.id }, body: { folder_id: deep } }, 422)
})

test('a copy is a tree of its own', async () => {
  const ann = service.as('ann')
  const { work, q1 } = await tree(ann, 'original')
  const copy = (await ann.call('copyEntry', { params: { id: work.id }, body: { folder_id: null } }, 201)).body
  assert.equal(copy.name, 'original (2)')
  assert.deepEqual(await childrenOf(ann, copy.id), ['reports', 'todo.txt'])
  const inside = await ann.call('listFiles', { query: { folder: 'original (2)/reports' } }, 200)
  assert.equal(inside.body.items[0].sha256, q1.sha256)
  assert.notEqual(inside.body.items[0].id, q1.id)
  await ann.call('deleteEntry', { params: { id: work.id } }, 204)
  const kept = await ann.call('downloadFile', { params: { id: inside.body.items[0].id } }, 200)
  assert.equal(kept.raw.toString(), 'first quarter')
  const self = await ann.call(
    'copyEntry',
    { params: { id: copy.id }, body: { folder_id: copy.id, name: 'within' } },
    201,
  )
  assert.deepEqual(await childrenOf(ann, self.body.id), ['reports', 'todo.txt'])
})

test('what goes into the trash comes back whole, to where it was or to the top', async () => {
  const ann = service.as('ann')
  const { work, reports, q1, last } = await tree(ann, 'bin')
  await ann.call('deleteFile', { params: { id: q1.id } }, 204)
  await ann.call('deleteEntry', { params: { id: reports.id } }, 204)
  for (const { id } of [reports, q1, last]) await ann.call('getEntry', { params: { id } }, 404)
  const trash = (await ann.call('listTrash', { query: { limit: 2 } }, 200)).body
  assert.deepEqual(names(trash), ['reports', 'q1.txt'])
  assert.equal(Date.parse(trash.items[0].purged_at) - Date.parse(trash.items[0].trashed_at), 30 * 86_400_000)
  await service.as('bob').call('restoreEntry', { params: { id: reports.id } }, 404)
  await service.as('bob').call('purgeEntry', { params: { id: reports.id } }, 404)

  // The name is taken meanwhile.
  await folderOf(ann, 'reports', work.id)
  const back = (await ann.call('restoreEntry', { params: { id: reports.id } }, 200)).body
  assert.deepEqual([back.name, back.folder_id], ['reports (2)', work.id])
  assert.equal((await ann.call('downloadFile', { params: { id: last.id } }, 200)).raw.toString(), 'last year')
  // Thrown away by itself, it stays in the trash by itself, and finds its folder again.
  await ann.call('getEntry', { params: { id: q1.id } }, 404)
  assert.equal((await ann.call('restoreEntry', { params: { id: q1.id } }, 200)).body.folder_id, reports.id)
  // Its folder is gone: it comes to the top.
  await ann.call('deleteFile', { params: { id: q1.id } }, 204)
  await ann.call('deleteEntry', { params: { id: reports.id } }, 204)
  assert.equal((await ann.call('restoreEntry', { params: { id: q1.id } }, 200)).body.folder_id, null)
  await ann.call('restoreEntry', { params: { id: q1.id } }, 404)
})

test('what is removed for good gives its room back and tells the others', async () => {
  const stranger = service.as('stranger')
  const { work, todo } = await tree(stranger, 'gone')
  const before = (await stranger.call('getQuota', {}, 200)).body
  assert.deepEqual([before.entry_count, before.used_bytes], [6, 'first quarterlast yearto do'.length])
  await stranger.call('deleteFile', { params: { id: todo.id } }, 204)
  await stranger.call('deleteEntry', { params: { id: work.id } }, 204)
  assert.deepEqual((await stranger.call('getQuota', {}, 200)).body, before)
  await stranger.call('purgeEntry', { params: { id: work.id } }, 204)
  assert.equal((await stranger.call('getQuota', {}, 200)).body.used_bytes, 'to do'.length)
  await stranger.call('emptyTrash', {}, 204)
  const now = (await stranger.call('getQuota', {}, 200)).body
  assert.deepEqual([now.entry_count, now.used_bytes], [0, 0])
  const about = async (type: string, id: string) =>
    (await service.events(type)).filter((event) => event.id === id).length
  assert.equal(await about('storage.entry.trashed.v1', work.id), 1)
  assert.equal(await about('storage.entry.purged.v1', work.id), 1)
  assert.equal(await about('storage.entry.purged.v1', todo.id), 1)
})

test('a folder downloads as zip', async () => {
  const ann = service.as('ann')
  const { work } = await tree(ann, 'zíp')
  await folderOf(ann, 'empty', work.id)
  const answer = await ann.call('zipFolder', { params: { id: work.id } }, 200)
  assert.equal(answer.headers['content-type'], 'application/zip')
  assert.match(answer.headers['content-disposition'], /filename\*=UTF-8''z%C3%ADp\.zip$/)
  const files = unzip(answer.raw).map(({ name, content }) => [name, content.toString()])
  assert.deepEqual(files.toSorted(), [
    ['empty/', ''],
    ['reports/old/2025.txt', 'last year'],
    ['reports/q1.txt', 'first quarter'],
    ['todo.txt', 'to do'],
  ])
  await service.as('bob').call('zipFolder', { params: { id: work.id } }, 404)
})

test('a tree that is too large is neither copied nor zipped', async () => {
  const bob = service.as('bob')
  const { id } = await folderOf(bob, 'many')
  for (let n = 0; n < 30; n++) await folderOf(bob, `n${n}`, id)
  await bob.call('zipFolder', { params: { id } }, 413)
  await bob.call('copyEntry', { params: { id }, body: { folder_id: null } }, 413)
})

test('search finds by a part of the name, without case and accents, and no wildcards', async () => {
  const ann = service.as('ann')
  await upload(ann, 'Póliza_Müller.txt', 'x', { folder: 'search' })
  await upload(ann, 'PolizaXMuller.txt', 'x', { folder: 'search' })
  await upload(service.as('bob'), 'poliza-of-bob.txt', 'x')
  const find = async (q: string, caller = ann) =>
    names((await caller.call('searchEntries', { query: { q } }, 200)).body)
  assert.deepEqual((await find('poliza')).length, 2)
  assert.deepEqual(await find('ÓLIZA_mü'), ['Póliza_Müller.txt'])
  assert.deepEqual(await find('%'), [])
  assert.deepEqual(await find('\\'), [])
  assert.deepEqual(await find('poliza', service.as('bob')), ['poliza-of-bob.txt'])
  const first = (await ann.call('searchEntries', { query: { q: 'poliza', limit: 1, kind: 'file' } }, 200))
    .body
  const second = (
    await ann.call(
      'searchEntries',
      { query: { q: 'poliza', limit: 1, kind: 'file', cursor: first.next_cursor } },
      200,
    )
  ).body
  assert.equal(second.next_cursor, null)
  assert.notEqual(first.items[0].id, second.items[0].id)
})

test('changes to one tree at the same time take turns and lose nothing', async () => {
  const bob = service.as('bob')
  const parts = Array.from({ length: 8 }, (_, n) =>
    upload(bob, `f${n}.txt`, `content ${n}`, { folder: 'together/x' }),
  )
  const uploaded = await Promise.all(parts)
  assert.equal(new Set(uploaded.map(({ body }) => body.folder_id)).size, 1)
  const same = await Promise.all(
    Array.from({ length: 4 }, (_, n) => upload(bob, 'same.txt', `same ${n}`, { folder: 'together' })),
  )
  assert.deepEqual(same.map(({ body }) => body.revision).toSorted(), [1, 2, 3, 4])
  const [sums] = await service.sql`
    select (select sum(size) from versions where owner_id = ${personas.bob.id}) = used_bytes as bytes,
      (select count(*) from entries where owner_id = ${personas.bob.id}) = entry_count as entries
    from quotas where user_id = ${personas.bob.id}`
  assert.deepEqual(sums, { bytes: true, entries: true })
})
