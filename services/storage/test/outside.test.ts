import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'

import { personas, startTestService, type Answer, type Caller, type TestService } from '@ait/testing'

import manifest from '../service.ts'
import { upload } from './support/multipart.ts'
import { unzip } from './support/unzip.ts'

let service: TestService
let now = new Date()
before(async () => {
  service = await startTestService(manifest, { now: () => now })
})
after(() => service.stop())

const visitor = () => service.with(null)
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const later = (ms: number): void => {
  now = new Date(now.getTime() + ms)
}
/** The grant in an address that was given out. */
const grantOf = (url: string): string => new URL(url).searchParams.get('grant') as string
const put = (grant: string, body: string, expected: number) =>
  visitor().call(
    'putPresigned',
    { query: { grant }, body, headers: { 'content-type': 'application/json' } },
    expected,
  )

test('a presigned upload puts in what was said, and nothing else', async () => {
  const ann = service.as('ann')
  const said = { name: 'scan.json', size: 2, sha256: sha256('{}') }
  const { body } = await ann.call('presignUpload', { body: said }, 200)
  assert.equal(body.method, 'PUT')
  assert.match(body.url, /^http:\/\/localhost:8001\/api\/v1\/storage\/presigned\?grant=/)
  const grant = grantOf(body.url)
  assert.equal((await put(grant, '[]', 422)).body.errors[0].loc.join(), 'body')
  await put(grant, '{', 422)
  await put(grant, '{} ', 413)
  await put(`${grant.slice(0, -1)}${grant.endsWith('A') ? 'B' : 'A'}`, '{}', 403)
  assert.equal((await service.sql`select 1 from blobs`).length, 0)
  const file = (await put(grant, '{}', 201)).body
  assert.deepEqual([file.name, file.owner_id, file.sha256], ['scan.json', personas.ann.id, said.sha256])
  await visitor().call('getPresigned', { query: { grant } }, 403)
  later(3_600_001)
  assert.equal((await put(grant, '{}', 403)).body.code, 'grant_invalid')
})

test('a presigned upload ends with the right to make it', async () => {
  const folder = (await service.as('ann').call('createFolder', { body: { name: 'inbox' } }, 201)).body
  const body = { subject_type: 'group', subject_id: 'brokers', role: 'editor' }
  const share = (await service.as('ann').call('shareEntry', { params: { id: folder.id }, body }, 200)).body
  const said = { name: 'a.txt', size: 1, folder_id: folder.id }
  const grant = grantOf((await service.as('bob').call('presignUpload', { body: said }, 200)).body.url)
  assert.equal((await put(grant, 'a', 201)).body.owner_id, personas.ann.id)
  await service.as('ann').call('unshareEntry', { params: { id: folder.id, share_id: share.id } }, 204)
  await put(grant, 'b', 404)
  await service.as('bob').call('presignUpload', { body: said }, 404)
  await service.as('bob').call('presignUpload', { body: { name: '../x', size: 1 } }, 422)
  await service.as('bob').call('presignUpload', { body: { name: 'x', size: 2 ** 50 } }, 413)
})

test('what a group gives lasts no longer in an address than in a token', async () => {
  const ann = service.as('ann')
  const folder = (await ann.call('createFolder', { body: { name: 'of the group' } }, 201)).body
  const file = (await upload(ann, 'minutes.txt', 'minutes', { folder_id: folder.id })).body
  const share = { subject_type: 'group', subject_id: 'board', role: 'editor' }
  await ann.call('shareEntry', { params: { id: folder.id }, body: share }, 200)
  const member = service.as('bob', { groups: ['board'] })
  const download = { file_id: file.id, expires_in: 604_800 }
  const uploading = { name: 'x', size: 1, folder_id: folder.id, expires_in: 604_800 }
  const secondsOf = ({ body }: Answer) =>
    Date.parse(body.expires_at) / 1000 - Math.floor(now.getTime() / 1000)
  const given = async (caller: Caller) => [
    secondsOf(await caller.call('presignDownload', { body: download }, 200)),
    secondsOf(await caller.call('presignUpload', { body: uploading }, 200)),
  ]
  assert.deepEqual(await given(member), [900, 900])
  assert.deepEqual(await given(ann), [604_800, 604_800])
  const own = { ...share, subject_type: 'user', subject_id: personas.bob.id }
  await ann.call('shareEntry', { params: { id: folder.id }, body: own }, 200)
  assert.deepEqual(await given(member), [604_800, 604_800])
})

test('a presigned download is of one content, for a time', async () => {
  const ann = service.as('ann')
  const file = (await upload(ann, 'contract.txt', 'version one')).body
  const { body } = await ann.call('presignDownload', { body: { file_id: file.id, expires_in: 60 } }, 200)
  const grant = grantOf(body.url)
  await upload(ann, 'contract.txt', 'version two')
  const get = (expected: number) => visitor().call('getPresigned', { query: { grant } }, expected)
  assert.equal((await get(200)).raw.toString(), 'version one')
  await put(grant, 'x', 403)
  later(61_000)
  await get(403)
  const again = grantOf((await ann.call('presignDownload', { body: { file_id: file.id } }, 200)).body.url)
  await ann.call('deleteFile', { params: { id: file.id } }, 204)
  await visitor().call('getPresigned', { query: { grant: again } }, 404)
})

const linkTo = async (id: string, body = {}) =>
  (await service.as('ann').call('createLink', { params: { id }, body }, 201)).body

test('a link downloads without an account, until it is removed', async () => {
  const file = (await upload(service.as('ann'), 'brochure.txt', 'read me')).body
  const link = await linkTo(file.id)
  const params = { token: link.token }
  const seen = (await visitor().call('getLink', { params }, 200)).body
  assert.deepEqual(
    [seen.name, seen.size, seen.password_required, seen.downloads_left],
    ['brochure.txt', 7, false, null],
  )
  assert.equal((await visitor().call('downloadLink', { params }, 200)).raw.toString(), 'read me')
  assert.equal(
    (await visitor().call('downloadLink', { params, headers: { range: 'bytes=0-3' } }, 206)).raw.toString(),
    'read',
  )
  const list = (await service.as('ann').call('listLinks', { params: { id: file.id } }, 200)).body.items
  assert.deepEqual([list.length, list[0].downloads, list[0].token], [1, 2, undefined])
  const missing = await visitor().call('getLink', { params: { token: 'nothing' } }, 404)
  await service.as('ann').call('deleteLink', { params: { id: file.id, link_id: link.id } }, 204)
  assert.deepEqual((await visitor().call('downloadLink', { params }, 404)).raw, missing.raw)
  await service.as('ann').call('deleteLink', { params: { id: file.id, link_id: link.id } }, 404)
  const { rows } = { rows: await service.sql`select token_hash from links where token_hash = ${link.token}` }
  assert.equal(rows.length, 0)
})

test('a link with a password tells nothing before it, and cannot be guessed at for long', async () => {
  const file = (await upload(service.as('ann'), 'payslip.txt', 'secret')).body
  const { token } = await linkTo(file.id, { password: 'pässword' })
  const params = { token }
  const seen = (await visitor().call('getLink', { params }, 200)).body
  assert.deepEqual(
    [seen.name, seen.size, seen.content_type, seen.password_required],
    [null, null, null, true],
  )
  await visitor().call('downloadLink', { params }, 403)
  assert.equal((await visitor().call('openLink', { params, body: {} }, 403)).body.code, 'password_required')
  const open = (password: string, expected: number) =>
    visitor().call('openLink', { params, body: { password } }, expected)
  const opened = (await open('pa\u0308ssword', 200)).body
  const grant = grantOf(opened.download_url)
  assert.equal(
    (await visitor().call('downloadLink', { params, query: { grant } }, 200)).raw.toString(),
    'secret',
  )
  const other = await linkTo(file.id, { password: 'another' })
  await visitor().call('downloadLink', { params: { token: other.token }, query: { grant } }, 403)

  const guesses = await Promise.all(
    Array.from({ length: 15 }, () => visitor().call('openLink', { params, body: { password: 'wrong' } })),
  )
  const statuses = guesses.map(({ status }) => status).toSorted()
  assert.deepEqual(statuses, [...Array(10).fill(403), ...Array(5).fill(429)])
  assert.ok(Number((await open('pässword', 429)).headers['retry-after']) > 0)
  later(60_001)
  await open('pässword', 200)
  later(600_000)
  await visitor().call('downloadLink', { params, query: { grant } }, 403)
})

test('a link with an end and with a number of downloads', async () => {
  const file = (await upload(service.as('ann'), 'offer.txt', 'offer')).body
  const expires_at = new Date(now.getTime() + 60_000).toISOString()
  const ending = { token: (await linkTo(file.id, { expires_at })).token }
  await visitor().call('downloadLink', { params: ending }, 200)
  later(60_000)
  for (const operation of ['downloadLink', 'getLink'])
    await visitor().call(operation, { params: ending }, 410)
  await service.as('ann').call('createLink', { params: { id: file.id }, body: { expires_at } }, 422)

  const counted = { token: (await linkTo(file.id, { downloads_max: 3 })).token }
  const all = await Promise.all(
    Array.from({ length: 8 }, () => visitor().call('downloadLink', { params: counted })),
  )
  assert.deepEqual(all.map(({ status }) => status).toSorted(), [200, 200, 200, 410, 410, 410, 410, 410])
  await visitor().call('openLink', { params: counted, body: {} }, 410)

  // Opened once, it may be downloaded again while the grant lasts: a broken download is not another one.
  const once = { token: (await linkTo(file.id, { downloads_max: 1 })).token }
  const grant = grantOf((await visitor().call('openLink', { params: once, body: {} }, 200)).body.download_url)
  for (let n = 0; n < 2; n++) await visitor().call('downloadLink', { params: once, query: { grant } }, 200)
  await visitor().call('downloadLink', { params: once }, 410)
})

test('a link to a folder downloads it as zip; in the trash it leads nowhere', async () => {
  const ann = service.as('ann')
  const file = (await upload(ann, 'a.txt', 'a', { folder: 'public' })).body
  const params = { token: (await linkTo(file.folder_id)).token }
  const zip = await visitor().call('downloadLink', { params }, 200)
  assert.deepEqual(
    unzip(zip.raw).map(({ name }) => name),
    ['a.txt'],
  )
  await ann.call('deleteEntry', { params: { id: file.folder_id } }, 204)
  await visitor().call('downloadLink', { params }, 404)
})
