import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { personas, startTestService, type Caller, type TestService } from '@ait/testing'

import manifest from '../service.ts'
import { multipart, upload } from './support/multipart.ts'

let service: TestService
let folder: { id: string }
let file: { id: string }
before(async () => {
  service = await startTestService(manifest)
  const ann = service.as('ann')
  file = (await upload(ann, 'secret.txt', 'first', { folder: 'private/inner' })).body
  await upload(ann, 'secret.txt', 'second', { folder: 'private/inner' })
  folder = (await ann.call('listEntries', {}, 200)).body.items[0]
})
after(() => service.stop())

const share = (subject: object, role: string, id = folder.id) =>
  service.as('ann').call('shareEntry', { params: { id }, body: { ...subject, role } }, 200)
const withBob = { subject_type: 'user', subject_id: personas.bob.id }
const endShares = async () => {
  const { body } = await service.as('ann').call('listEntryShares', { params: { id: folder.id } }, 200)
  for (const { id } of body.items)
    await service.as('ann').call('unshareEntry', { params: { id: folder.id, share_id: id } }, 204)
}

/** Every operation on this file or folder, as [name, options, needed ability]. */
const operations = (): [string, Parameters<Caller['call']>[1], string][] => [
  ['getEntry', { params: { id: file.id } }, 'view'],
  ['getFileMetadata', { params: { id: file.id } }, 'view'],
  ['downloadFile', { params: { id: file.id } }, 'view'],
  ['listVersions', { params: { id: file.id } }, 'view'],
  ['listFolder', { params: { id: folder.id } }, 'view'],
  ['zipFolder', { params: { id: folder.id } }, 'view'],
  ['presignDownload', { body: { file_id: file.id } }, 'view'],
  ['copyEntry', { params: { id: file.id }, body: { folder_id: null } }, 'view'],
  ['updateEntry', { params: { id: file.id }, body: { name: 'renamed.txt' } }, 'edit'],
  [
    'replaceContent',
    { params: { id: file.id }, body: 'new', headers: { 'content-type': 'text/plain' } },
    'edit',
  ],
  ['restoreVersion', { params: { id: file.id, number: '1' } }, 'edit'],
  ['createFolder', { body: { name: 'new', folder_id: folder.id } }, 'edit'],
  ['presignUpload', { body: { name: 'new', size: 1, folder_id: folder.id } }, 'edit'],
  [
    'uploadFile',
    multipart([
      { name: 'file', filename: 'n', content: 'n' },
      { name: 'folder_id', content: folder.id },
    ]),
    'edit',
  ],
  ['deleteVersion', { params: { id: file.id, number: '1' } }, 'delete'],
  ['deleteFile', { params: { id: file.id } }, 'delete'],
  ['deleteEntry', { params: { id: file.id } }, 'delete'],
  ['createLink', { params: { id: file.id }, body: {} }, 'share'],
  ['listLinks', { params: { id: file.id } }, 'share'],
  ['deleteLink', { params: { id: file.id, link_id: personas.ann.id } }, 'share'],
  ['listEntryShares', { params: { id: file.id } }, 'share'],
  ['shareEntry', { params: { id: file.id }, body: { ...withBob, role: 'viewer' } }, 'share'],
  ['unshareEntry', { params: { id: file.id, share_id: personas.ann.id } }, 'share'],
]

async function countChanges(): Promise<unknown> {
  const [row] = await service.sql`
    select (select count(*) from entries) as entries, (select count(*) from versions) as versions,
      (select sum(version) from entries) as changes, (select count(*) from kit.events) as events,
      (select count(*) from kit.shares) as shares, (select count(*) from kit.audit) as audits, (select count(*) from links) as links`
  return row
}

test('a stranger, and an administrator too, gets the same answer as for what is missing', async () => {
  const before = await countChanges()
  for (const persona of ['stranger', 'admin'] as const) {
    const caller = service.as(persona)
    const missing = await caller.call('getEntry', { params: { id: personas.ann.id } }, 404)
    for (const [name, options] of operations()) {
      const answer = await caller.call(name, options, 404)
      assert.deepEqual(answer.raw, missing.raw, name)
    }
    assert.deepEqual((await caller.call('searchEntries', { query: { q: 'secret' } }, 200)).body.items, [])
    assert.deepEqual((await caller.call('listShared', {}, 200)).body.items, [])
    assert.deepEqual((await caller.call('listTrash', {}, 200)).body.items, [])
    assert.deepEqual(
      (await caller.call('listFiles', { query: { folder: 'private/inner' } }, 200)).body.items,
      [],
    )
  }
  assert.deepEqual(await countChanges(), before)
})

test('nobody gets in without signing in', async () => {
  for (const [name, options] of operations()) await service.with(null).call(name, options, 401)
})

test('a share on a folder counts for what is below it, as far as its role goes', async () => {
  const abilities: Record<string, string[]> = {
    viewer: ['view'],
    commenter: ['view'],
    editor: ['view', 'edit'],
    manager: ['view', 'edit', 'share', 'delete'],
  }
  const bob = service.as('bob')
  for (const role of ['viewer', 'commenter'] as const) {
    await share(withBob, role)
    assert.deepEqual(
      (await bob.call('getEntry', { params: { id: file.id } }, 200)).body.abilities,
      abilities[role],
    )
    const before = await countChanges()
    for (const [name, options, ability] of operations()) {
      if (ability === 'view') continue
      assert.equal((await bob.call(name, options)).status, 403, `${role} ${name}`)
    }
    assert.deepEqual(await countChanges(), before)
  }
  for (const role of ['editor', 'manager'] as const) {
    await share(withBob, role)
    const entry = (await bob.call('getEntry', { params: { id: file.id } }, 200)).body
    assert.deepEqual(entry.abilities, abilities[role])
    assert.deepEqual(
      entry.path.map((above: { name: string }) => above.name),
      ['private', 'inner'],
    )
  }
  await endShares()
})

test('who has one file sees neither the folder above it nor the names on the way', async () => {
  await share(withBob, 'viewer', file.id)
  const bob = service.as('bob')
  assert.deepEqual((await bob.call('getEntry', { params: { id: file.id } }, 200)).body.path, [])
  await bob.call('getEntry', { params: { id: folder.id } }, 404)
  const shared = (await bob.call('listShared', {}, 200)).body.items
  assert.deepEqual(
    shared.map((entry: { id: string }) => entry.id),
    [file.id],
  )
  assert.equal((await bob.call('searchEntries', { query: { q: 'SECRET' } }, 200)).body.items.length, 1)
  const { body } = await service.as('ann').call('listEntryShares', { params: { id: file.id } }, 200)
  await service.as('ann').call('unshareEntry', { params: { id: file.id, share_id: body.items[0].id } }, 204)
  await bob.call('getEntry', { params: { id: file.id } }, 404)
  assert.deepEqual((await bob.call('listShared', {}, 200)).body.items, [])
})

test('groups, everyone, and an end', async () => {
  const bob = service.as('bob')
  const stranger = service.as('stranger')
  const seen = async (caller: Caller) => (await caller.call('getEntry', { params: { id: file.id } })).status
  await share({ subject_type: 'group', subject_id: 'brokers' }, 'viewer')
  assert.deepEqual([await seen(bob), await seen(stranger)], [200, 404])
  assert.equal((await bob.call('listShared', {}, 200)).body.items.length, 1)
  await share({ subject_type: 'everyone' }, 'viewer')
  assert.deepEqual([await seen(bob), await seen(stranger), await seen(service.with(null))], [200, 200, 401])
  await endShares()
  await share({ ...withBob, expires_at: '2020-01-01T00:00:00Z' }, 'viewer')
  assert.equal(await seen(bob), 404)
  await endShares()
})

test('the link of a share opens a folder for a visitor without an account', async () => {
  const { token } = (await share({ subject_type: 'link' }, 'viewer')).body
  const headers = { 'x-share-token': token }
  const visitor = service.with(null)
  const list = await visitor.call('listFolder', { params: { id: folder.id }, headers }, 200)
  assert.equal(list.body.items[0].name, 'inner')
  await visitor.call('downloadFile', { params: { id: file.id }, headers }, 200)
  await visitor.call('deleteFile', { params: { id: file.id }, headers }, 403)
  await visitor.call('listEntries', { headers }, 401)
  await visitor.call('downloadFile', { params: { id: file.id }, headers: { 'x-share-token': 'wrong' } }, 404)
  await endShares()
  await visitor.call('downloadFile', { params: { id: file.id }, headers }, 404)
})

test('what an editor brings in belongs to the owner of the tree', async () => {
  await share(withBob, 'editor')
  const bob = service.as('bob')
  const brought = (await upload(bob, 'from-bob.txt', 'hello', { folder_id: folder.id })).body
  assert.deepEqual([brought.owner_id, brought.created_by], [personas.ann.id, personas.bob.id])
  const made = (await bob.call('createFolder', { body: { name: 'by bob', folder_id: folder.id } }, 201)).body
  await bob.call('updateEntry', { params: { id: brought.id }, body: { folder_id: made.id } }, 200)
  await bob.call('updateEntry', { params: { id: brought.id }, body: { folder_id: null } }, 403)
  const own = (await bob.call('createFolder', { body: { name: 'own' } }, 201)).body
  await bob.call('updateEntry', { params: { id: brought.id }, body: { folder_id: own.id } }, 422)
  assert.equal(
    (await bob.call('copyEntry', { params: { id: brought.id }, body: { folder_id: own.id } }, 201)).body
      .owner_id,
    personas.bob.id,
  )
  const [quota] = await service.sql`select used_bytes from quotas where user_id = ${personas.bob.id}`
  assert.equal(quota?.['used_bytes'], 'hello'.length)
  await endShares()
})

test('a manager may delete, and what they delete lies in the trash of the owner', async () => {
  await share(withBob, 'manager')
  const bob = service.as('bob')
  await bob.call('deleteFile', { params: { id: file.id } }, 204)
  assert.deepEqual((await bob.call('listTrash', {}, 200)).body.items, [])
  await bob.call('restoreEntry', { params: { id: file.id } }, 404)
  await service.as('ann').call('restoreEntry', { params: { id: file.id } }, 200)
  await bob.call('getEntry', { params: { id: file.id } }, 200)
  await endShares()
})

test("quotas are the administrators' business, and tell sizes only", async () => {
  const ann = service.as('ann')
  await ann.call('listQuotas', {}, 403)
  await ann.call('setQuota', { params: { user_id: personas.ann.id }, body: { quota_bytes: 2 ** 40 } }, 403)
  const admin = service.as('admin')
  const quota = (
    await admin.call('setQuota', { params: { user_id: personas.ann.id }, body: { quota_bytes: 1 } }, 200)
  ).body
  assert.deepEqual([quota.quota_bytes, quota.free_bytes], [1, 0])
  const first = (await admin.call('listQuotas', { query: { limit: 1 } }, 200)).body
  assert.equal(first.items[0].user_id, personas.ann.id)
  assert.deepEqual(Object.keys(first.items[0]), [
    'user_id',
    'quota_bytes',
    'used_bytes',
    'free_bytes',
    'entry_count',
  ])
  await admin.call('listQuotas', { query: { limit: 1, cursor: first.next_cursor } }, 200)
  await admin.call('setQuota', { params: { user_id: personas.ann.id }, body: { quota_bytes: null } }, 200)
})
