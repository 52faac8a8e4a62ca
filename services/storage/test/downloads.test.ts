import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import { startTestService, type TestService } from '@ait/testing'

import manifest from '../service.ts'
import { upload } from './support/multipart.ts'

let service: TestService
let id: string
let etag: string
const content = Buffer.from('0123456789')
before(async () => {
  service = await startTestService(manifest)
  id = (await upload(service.as('ann'), 'digits.txt', content)).body.id
  etag = `"${createHash('sha256').update(content).digest('hex')}"`
})
after(() => service.stop())

const get = (headers: Record<string, string>, expected: number, query = {}) =>
  service.as('ann').call('downloadFile', { params: { id }, headers, query }, expected)

test('a whole answer says what it is and what it may be used for', async () => {
  const { headers, raw } = await get({}, 200)
  assert.ok(raw.equals(content))
  assert.equal(headers['content-type'], 'text/plain; charset=utf-8')
  assert.equal(headers['etag'], etag)
  assert.equal(headers['accept-ranges'], 'bytes')
  assert.equal(headers['cache-control'], 'private, no-cache')
  assert.equal(headers['x-content-type-options'], 'nosniff')
  assert.match(headers['content-security-policy'], /sandbox$/)
  // RFC 9530; the SHA-256 of the digits is public knowledge.
  assert.equal(headers['repr-digest'], 'sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:')
})

test('a part of it', async () => {
  const part = await get({ range: 'bytes=2-4' }, 206)
  assert.equal(part.raw.toString(), '234')
  assert.equal(part.headers['content-range'], 'bytes 2-4/10')
  assert.equal(part.headers['content-length'], '3')
  assert.equal((await get({ range: 'bytes=-2' }, 206)).raw.toString(), '89')
  assert.equal((await get({ range: 'bytes=8-' }, 206)).raw.toString(), '89')
  assert.equal((await get({ range: 'bytes=0-0,5-5' }, 200)).raw.length, 10)
  const beyond = await get({ range: 'bytes=10-' }, 416)
  assert.equal(beyond.headers['content-range'], 'bytes */10')
  assert.equal((await get({ range: 'bytes=2-4', 'if-range': etag }, 206)).raw.length, 3)
  assert.equal((await get({ range: 'bytes=2-4', 'if-range': '"other"' }, 200)).raw.length, 10)
})

test('nothing, when it has not changed or is another', async () => {
  const same = await get({ 'if-none-match': etag }, 304)
  assert.equal(same.raw.length, 0)
  assert.equal(same.headers['etag'], etag)
  await get({ 'if-none-match': '"other"' }, 200)
  const { headers } = await get({}, 200)
  await get({ 'if-modified-since': headers['last-modified'] }, 304)
  await get({ 'if-match': '"other"' }, 412)
  await get({ 'if-match': etag }, 200)
})

test('HEAD has the headers of GET and no body', async () => {
  const token = await service.authority.tokenFor('ann')
  const url = await service.service.listen(0, '127.0.0.1')
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${url}/api/v1/storage/download/${id}`, { method: 'HEAD', headers })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-length'), '10')
  assert.equal(answer.headers.get('etag'), etag)
  assert.equal(await answer.text(), '')
})

test('what could run in a browser is saved, not shown, whatever it is called', async () => {
  const ann = service.as('ann')
  const disposition = async (name: string, bytes: string | Buffer) => {
    const file = (await upload(ann, name, bytes)).body
    const query = { inline: true }
    const { headers } = await ann.call('downloadFile', { params: { id: file.id }, query }, 200)
    return `${headers['content-disposition'].split(';')[0]} ${headers['content-type']}`
  }
  const png = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), Buffer.alloc(20)])
  assert.equal(await disposition('a.png', png), 'inline image/png')
  assert.equal(await disposition('b.png', '<script>alert(1)</script>'), 'attachment text/html')
  assert.equal(
    await disposition('c.png', '<svg xmlns="http://www.w3.org/2000/svg"/>'),
    'attachment image/svg+xml',
  )
  assert.equal(await disposition('d.txt', '<?xml version="1.0"?><a/>'), 'attachment application/xml')
  assert.equal(await disposition('e.txt', 'plain'), 'inline text/plain; charset=utf-8')
})

test('a name of any script arrives', async () => {
  const ann = service.as('ann')
  const file = (await upload(ann, `報告\\"書'.txt`, 'x')).body
  const { headers } = await ann.call('downloadFile', { params: { id: file.id } }, 200)
  const encoded = /filename\*=UTF-8''(\S+)$/.exec(headers['content-disposition'])?.[1]
  assert.equal(decodeURIComponent(encoded ?? ''), `報告"書'.txt`)
})

test('versions: listed, downloaded, restored, removed; at most twenty', async () => {
  const ann = service.as('ann')
  const file = (await upload(ann, 'versions.txt', 'one')).body
  const params = { id: file.id }
  for (const text of ['two', 'three']) await upload(ann, 'versions.txt', text)
  const versions = (await ann.call('listVersions', { params, query: { limit: 2 } }, 200)).body
  assert.deepEqual(
    versions.items.map((version: { number: number }) => version.number),
    [3, 2],
  )
  const rest = (
    await ann.call('listVersions', { params, query: { limit: 2, cursor: versions.next_cursor } }, 200)
  ).body
  assert.deepEqual([rest.items.length, rest.next_cursor], [1, null])
  const read = async (revision?: number) =>
    (await ann.call('downloadFile', { params, query: revision ? { revision } : {} }, 200)).raw.toString()
  assert.deepEqual([await read(), await read(1), await read(2)], ['three', 'one', 'two'])

  const restored = (await ann.call('restoreVersion', { params: { id: file.id, number: '1' } }, 200)).body
  assert.deepEqual([restored.revision, await read()], [4, 'one'])
  await ann.call('restoreVersion', { params: { id: file.id, number: '99' } }, 404)
  await ann.call('deleteVersion', { params: { id: file.id, number: '4' } }, 409)
  await ann.call('deleteVersion', { params: { id: file.id, number: '2' } }, 204)
  await ann.call('deleteVersion', { params: { id: file.id, number: '2' } }, 404)
  await ann.call('downloadFile', { params, query: { revision: 2 } }, 404)
  for (let n = 0; n < 25; n++) await upload(ann, 'versions.txt', `many ${n}`)
  const all = (await ann.call('listVersions', { params, query: { limit: 200 } }, 200)).body.items
  assert.deepEqual([all.length, all[0].number, all.at(-1).number], [20, 29, 10])
})

test('when a name is taken: another name, or no upload', async () => {
  const ann = service.as('ann')
  await upload(ann, 'taken.txt', 'a')
  assert.equal((await upload(ann, 'taken.txt', 'b', { on_conflict: 'rename' })).body.name, 'taken (2).txt')
  const long = `${'👩'.repeat(62)}.txt`
  for (const content of ['1', '2', '3'])
    await upload(ann, long, content, { on_conflict: 'rename', folder: 'long' })
  const renamed = (await ann.call('listFiles', { query: { folder: 'long' } }, 200)).body.items
  assert.equal(new Set(renamed.map((file: { name: string }) => file.name)).size, 3)
  assert.equal((await upload(ann, 'taken.txt', 'c', { on_conflict: 'fail' }, 409)).body.code, 'name_taken')
  await ann.call('createFolder', { body: { name: 'folder.txt' } }, 201)
  await upload(ann, 'folder.txt', 'd', {}, 409)
})

test('new content by PUT, of any type, as a version', async () => {
  const ann = service.as('ann')
  const file = (await upload(ann, 'data.json', '{}')).body
  const put = (body: string | Buffer, headers: Record<string, string>, expected: number) =>
    ann.call('replaceContent', { params: { id: file.id }, body, headers }, expected)
  const json = await put('{"a": 1}', { 'content-type': 'application/json', 'if-match': '"v1"' }, 200)
  assert.deepEqual(
    [json.body.revision, json.body.content_type, json.headers['etag']],
    [2, 'application/json', '"v2"'],
  )
  await put('{"a": 2}', { 'content-type': 'application/json', 'if-match': '"v1"' }, 412)
  const bytes = randomBytes(2_000_000)
  await put(bytes, { 'content-type': 'application/octet-stream' }, 200)
  assert.ok((await ann.call('downloadFile', { params: { id: file.id } }, 200)).raw.equals(bytes))
  assert.equal((await put('', { 'content-type': 'text/plain' }, 200)).body.size, 0)
})

test('a content that was cut short behind our back is an error, not a download that never ends', async () => {
  const ann = service.as('ann')
  const file = (await upload(ann, 'whole.bin', randomBytes(1000), { folder: 'cut' })).body
  const { dataDir } = service.service.runtime.platform
  const { sha256 } = file
  await truncate(join(dataDir, 'blobs/sha256', sha256.slice(0, 2), sha256.slice(2, 4), sha256), 500)
  const params = { id: file.id }
  await ann.call('downloadFile', { params }, 500)
  await ann.call('downloadFile', { params, headers: { range: 'bytes=400-500' } }, 500)
  await ann.call('downloadFile', { params, headers: { range: 'bytes=400-499' } }, 206)
  await ann.call('zipFolder', { params: { id: file.folder_id } }, 500)
})
