import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'

import { personas, startTestService, until, type TestService } from '@ait/testing'
import sharp from 'sharp'

import manifest from '../service.ts'
import { EICAR, startFakeClamd, type FakeClamd } from './support/clamd.ts'
import { upload } from './support/multipart.ts'
import { redPdf } from './support/pdf.ts'

const DAY_MS = 86_400_000
let service: TestService
let clamd: FakeClamd
let now = new Date()
before(async () => {
  clamd = await startFakeClamd()
  const env = { CLAMAV_HOST: '127.0.0.1', CLAMAV_PORT: String(clamd.port), CLAMAV_MAX_BYTES: '500000' }
  service = await startTestService(manifest, { env, now: () => now })
})
after(async () => {
  await service?.stop()
  await clamd.stop()
})

const run = (job: string): Promise<void> => service.service.runtime.write((unit) => unit.enqueue(job, {}))
const later = (ms: number): void => {
  now = new Date(now.getTime() + ms)
}
const has = (sha256: string): Promise<boolean> => service.service.deps.store.has(sha256)
const cleanUpload = async (name: string, content: string | Buffer) => {
  const file = (await upload(service.as('ann'), name, content)).body
  await until('the scan', async () => (await scanOf(file.id)) === 'clean')
  return file
}
const scanOf = async (id: string) =>
  (await service.as('ann').call('getEntry', { params: { id } }, 200)).body.scan

const event = (type: string, data: object, id = randomUUID()) => ({
  specversion: '1.0',
  id,
  source: '/services/auth',
  type,
  subject: 'x',
  time: '2026-01-28T10:00:00.000Z',
  data,
})

test('a registration opens a home, once', async () => {
  const registered = event('auth.user.registered.v1', { id: personas.ann.id })
  for (let n = 0; n < 2; n++) await service.asService().call('receiveEvent', { body: registered }, 204)
  const rows = await service.sql`select used_bytes from quotas where user_id = ${personas.ann.id}`
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [{ used_bytes: 0 }],
  )
  const poison = event('auth.user.registered.v1', { id: 'not-a-uuid' })
  await service.asService().call('receiveEvent', { body: poison }, 422)
  await service.as('ann').call('receiveEvent', { body: registered }, 403)
})

test('a file waits for its scan, and an infected one does not leave', async () => {
  const ann = service.as('ann')
  const file = await cleanUpload('fine.txt', 'nothing bad')
  await ann.call('downloadFile', { params: { id: file.id } }, 200)

  const virus = (await upload(ann, 'virus.com', EICAR, { folder: 'bad' })).body
  assert.equal(virus.scan, 'pending')
  await until('the scan', async () => (await scanOf(virus.id)) === 'infected')
  const params = { id: virus.id }
  assert.equal((await ann.call('downloadFile', { params }, 403)).body.code, 'infected')
  await ann.call('zipFolder', { params: { id: virus.folder_id } }, 403)
  const { token } = (await ann.call('createLink', { params, body: {} }, 201)).body
  await service.with(null).call('downloadLink', { params: { token } }, 403)
  const told = await service.events('storage.file.infected.v1')
  assert.deepEqual(
    told.map(({ id, signature }) => [id, signature]),
    [[virus.id, 'Win.Test.EICAR_HDB-1']],
  )
  // The same content again, under any name, is known already.
  assert.equal((await upload(ann, 'innocent.txt', EICAR)).body.scan, 'infected')
})

test('while the scanner is away files wait; what is too large for it is not scanned', async () => {
  const ann = service.as('ann')
  const { port } = clamd
  await clamd.stop()
  const file = (await upload(ann, 'waiting.txt', 'waits for clamd')).body
  const answer = await ann.call('downloadFile', { params: { id: file.id } }, 409)
  assert.deepEqual([answer.body.code, answer.headers['retry-after']], ['scan_pending', '5'])
  const large = (await upload(ann, 'large.bin', Buffer.alloc(500_001))).body
  assert.equal(large.scan, 'unscanned')
  await ann.call('downloadFile', { params: { id: large.id } }, 200)
  clamd = await startFakeClamd({ port })
  await run('scan-backlog')
  await until('the scan', async () => (await scanOf(file.id)) === 'clean')
  await ann.call('downloadFile', { params: { id: file.id } }, 200)
})

test('thumbnails of pictures and PDFs are made once and kept', async () => {
  const ann = service.as('ann')
  const picture = await sharp({ create: { width: 300, height: 150, channels: 3, background: '#00f' } })
    .png()
    .toBuffer()
  const file = await cleanUpload('blue.png', picture)
  const get = (id: string, query: object, expected: number) =>
    ann.call('getThumbnail', { params: { id }, query: { ...query } }, expected)
  const small = await get(file.id, { size: 64 }, 200)
  assert.equal(small.headers['content-type'], 'image/webp')
  assert.match(small.headers['content-disposition'], /^inline/)
  assert.deepEqual((await sharp(small.raw).metadata()).width, 64)
  assert.deepEqual((await get(file.id, { size: 64 }, 200)).raw, small.raw)
  assert.equal((await service.sql`select 1 from thumbnails`).length, 1)
  assert.deepEqual((await sharp((await get(file.id, {}, 200)).raw).metadata()).width, 256)
  await get(file.id, { size: 63 }, 422)
  await service.as('bob').call('getThumbnail', { params: { id: file.id } }, 404)

  const pdf = await cleanUpload('page.pdf', redPdf())
  assert.deepEqual((await sharp((await get(pdf.id, { size: 128 }, 200)).raw).metadata()).height, 64)
  const broken = await cleanUpload('broken.pdf', '%PDF-1.7 nothing')
  for (let n = 0; n < 2; n++) assert.equal((await get(broken.id, {}, 404)).body.code, 'no_thumbnail')
  const text = await cleanUpload('text.txt', 'text')
  await get(text.id, {}, 404)
})

test('contents that nothing refers to any more are removed, and no others', async () => {
  const ann = service.as('ann')
  const file = await cleanUpload('a.txt', 'shared content')
  const copy = (await ann.call('copyEntry', { params: { id: file.id }, body: { folder_id: null } }, 201)).body
  const picture = await sharp({ create: { width: 30, height: 30, channels: 3, background: '#0f0' } })
    .png()
    .toBuffer()
  const green = await cleanUpload('green.png', picture)
  const thumbnail = (await ann.call('getThumbnail', { params: { id: green.id } }, 200)).headers['etag'].slice(
    1,
    -1,
  )
  // What a crash between store and commit leaves behind.
  const { sha256: stray } = await service.service.deps.store.put(Readable.from([Buffer.from('stray')]), {
    maxBytes: 5,
  })
  await ann.call('deleteFile', { params: { id: file.id } }, 204)
  await ann.call('deleteFile', { params: { id: green.id } }, 204)
  await ann.call('emptyTrash', {}, 204)

  await run('clean-orphans')
  later(25 * 3_600_000)
  assert.deepEqual([await has(green.sha256), await has(stray), await has(thumbnail)], [true, true, true])
  await run('clean-orphans')
  await until('the picture to go', async () => !(await has(green.sha256)) && !(await has(stray)))
  await run('clean-orphans')
  await until('its thumbnail to go', async () => !(await has(thumbnail)))
  assert.equal(await has(file.sha256), true)
  await ann.call('downloadFile', { params: { id: copy.id } }, 200)
  await ann.call('deleteFile', { params: { id: copy.id } }, 204)
})

test('the trash is emptied when its time has come', async () => {
  const ann = service.as('ann')
  const old = await cleanUpload('old.txt', 'old')
  await ann.call('deleteFile', { params: { id: old.id } }, 204)
  later(29 * DAY_MS)
  const young = await cleanUpload('young.txt', 'young')
  await ann.call('deleteFile', { params: { id: young.id } }, 204)
  later(2 * DAY_MS)
  await run('purge-trash')
  await until(
    'the old file to go',
    async () => (await service.sql`select 1 from entries where id = ${old.id}`).length === 0,
  )
  const { items } = (await ann.call('listTrash', {}, 200)).body
  assert.deepEqual(
    items.map((item: { name: string }) => item.name),
    ['young.txt'],
  )
  assert.equal(
    (await service.events('storage.entry.purged.v1')).filter((data) => data.id === old.id).length,
    1,
  )
})

test('a person who is gone leaves nothing, and others keep theirs', async () => {
  const bob = service.as('bob')
  const file = (await upload(bob, 'of-bob.txt', 'of bob', { folder: 'x' })).body
  const kept = await cleanUpload('of-ann.txt', 'of ann')
  const share = { subject_type: 'user', subject_id: personas.bob.id, role: 'viewer' }
  await service.as('ann').call('shareEntry', { params: { id: kept.id }, body: share }, 200)
  await bob.call('createLink', { params: { id: file.id }, body: {} }, 201)
  await service
    .asService()
    .call('receiveEvent', { body: event('auth.user.deleted.v1', { id: personas.bob.id }) }, 204)
  const [left] = await service.sql`
    select (select count(*) from entries where owner_id = ${personas.bob.id})
      + (select count(*) from quotas where user_id = ${personas.bob.id})
      + (select count(*) from versions where owner_id = ${personas.bob.id})
      + (select count(*) from links where created_by = ${personas.bob.id})
      + (select count(*) from kit.shares where subject_id = ${personas.bob.id}) as n`
  assert.equal(left?.['n'], 0)
  await service.as('ann').call('downloadFile', { params: { id: kept.id } }, 200)
})

test('demo data can be written again and again', async () => {
  for (let n = 0; n < 2; n++) await manifest.seed?.(service.service.runtime, service.service.deps)
  const files = await service.as('ann').call('listFiles', { query: { folder: 'documents' } }, 200)
  assert.deepEqual(
    files.body.items.map((item: { name: string }) => item.name),
    ['clients.csv', 'welcome.txt'],
  )
  const shared = await service.as('bob').call('listShared', {}, 200)
  assert.deepEqual(
    shared.body.items.map((item: { name: string }) => item.name),
    ['documents'],
  )
  const text = await service.as('bob').call('downloadFile', { params: { id: files.body.items[1].id } }, 200)
  assert.equal(text.raw.toString(), 'Welcome to your files.\n')
})
