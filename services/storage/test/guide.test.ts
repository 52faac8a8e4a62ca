import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'

import { personas, startTestService, type TestService } from '@ait/testing'

import manifest from '../service.ts'
import { multipart, upload } from './support/multipart.ts'

let service: TestService
before(async () => {
  service = await startTestService(manifest)
})
after(() => service.stop())

test('upload, list, metadata, download, delete, as the guide has them', async () => {
  const ann = service.as('ann')
  const content = Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(300_000)])
  const file = (await upload(ann, 'document.pdf', content, { folder: 'documents' })).body
  assert.equal(file.name, 'document.pdf')
  assert.equal(file.size, content.length)
  assert.equal(file.content_type, 'application/pdf')
  assert.equal(file.sha256, createHash('sha256').update(content).digest('hex'))
  assert.equal(file.owner_id, personas.ann.id)

  const list = await ann.call('listFiles', { query: { folder: 'documents' } }, 200)
  assert.deepEqual(list.body.items, [file])
  const params = { id: file.id }
  const metadata = await ann.call('getFileMetadata', { params }, 200)
  const { path, abilities, ...rest } = metadata.body
  assert.deepEqual(rest, file)
  assert.deepEqual(
    path.map((folder: { name: string }) => folder.name),
    ['documents'],
  )
  assert.deepEqual(abilities, ['view', 'edit', 'share', 'delete'])

  const download = await ann.call('downloadFile', { params }, 200)
  assert.ok(download.raw.equals(content))
  assert.equal(download.headers['content-disposition'], 'attachment; filename="document.pdf"')
  assert.equal(download.headers['content-length'], String(content.length))

  await ann.call('deleteFile', { params }, 204)
  await ann.call('getFileMetadata', { params }, 404)
  await ann.call('downloadFile', { params }, 404)
  assert.deepEqual((await ann.call('listFiles', { query: { folder: 'documents' } }, 200)).body.items, [])
})

test('fields may come before the file as well, and folders along a path are made', async () => {
  const ann = service.as('ann')
  const parts = [
    { name: 'folder', content: 'a/b/ç' },
    { name: 'file', filename: 'x.txt', content: 'x' },
  ]
  const file = (await ann.call('uploadFile', multipart(parts), 201)).body
  const { path } = (await ann.call('getEntry', { params: { id: file.id } }, 200)).body
  assert.deepEqual(
    path.map((folder: { name: string }) => folder.name),
    ['a', 'b', 'ç'],
  )
  await upload(ann, 'y.txt', 'y', { folder: '/a/b/ç/' })
  const list = await ann.call('listFiles', { query: { folder: 'a/b/ç' } }, 200)
  assert.deepEqual(
    list.body.items.map((item: { name: string }) => item.name),
    ['x.txt', 'y.txt'],
  )
})

test('without a folder a file is at the top; a folder that is not there holds nothing', async () => {
  const bob = service.as('bob')
  const file = (await upload(bob, 'top.txt', 'top')).body
  assert.equal(file.folder_id, null)
  assert.deepEqual((await bob.call('listFiles', {}, 200)).body.items, [file])
  assert.deepEqual((await bob.call('listFiles', { query: { folder: 'nowhere' } }, 200)).body.items, [])
})

test('a service keeps files of its own', async () => {
  const file = (await upload(service.asService(), 'policy-1.pdf', '%PDF-', { folder: 'policies' })).body
  assert.equal(file.owner_id, 'service')
  await service.asService().call('downloadFile', { params: { id: file.id } }, 200)
  await service.as('ann').call('downloadFile', { params: { id: file.id } }, 404)
  await service.as('admin').call('downloadFile', { params: { id: file.id } }, 404)
})

test('an upload tells the others once, and the same content again nothing', async () => {
  const ann = service.as('ann')
  const first = (await upload(ann, 'news.txt', 'first')).body
  assert.deepEqual((await upload(ann, 'news.txt', 'first')).body, first)
  const second = (await upload(ann, 'news.txt', 'second')).body
  assert.deepEqual([second.id, second.revision, second.version], [first.id, 2, 2])
  const told = (await service.events('storage.file.uploaded.v1')).filter((event) => event.id === first.id)
  assert.deepEqual(
    told.map((event) => [event.revision, event.version, event.size]),
    [
      [1, 1, 5],
      [2, 2, 6],
    ],
  )
})
