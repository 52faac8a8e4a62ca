import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'

import { personas, startTestService, until, type Answer, type TestService } from '@ait/testing'

import manifest from '../service.ts'
import { multipart, upload, type Part } from './support/multipart.ts'

let service: TestService
let address: string
before(async () => {
  const env = { STORAGE_MAX_FILE_BYTES: '200000', STORAGE_MAX_ENTRIES: '12', STORAGE_STALL_TIMEOUT_MS: '300' }
  service = await startTestService(manifest, { env })
  address = await service.service.listen(0, '127.0.0.1')
})
after(() => service.stop())

/** Nothing of a refused upload is left: no row, no event, no content, no temporary file. */
async function leavesNothing(work: () => Promise<unknown>): Promise<void> {
  const before = await state()
  await work()
  // A sender that hangs up is noticed a moment later.
  await until('nothing to be left', async () => JSON.stringify(await state()) === JSON.stringify(before))
}

async function state() {
  const [counts] = await service.sql`
    select (select count(*) from entries) as entries, (select count(*) from versions) as versions,
      (select count(*) from blobs) as blobs, (select count(*) from kit.events) as events`
  const folder = join(service.service.runtime.platform.dataDir, 'blobs')
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  )
  return { counts, files: files.length }
}

const send = (parts: Part[]): Promise<Answer> => service.as('ann').call('uploadFile', multipart(parts))
const file = (filename: string | Buffer, content: string | Buffer = randomBytes(1000)): Part => ({
  name: 'file',
  filename,
  content,
})

function assertRefused(answer: Answer, status: number, loc: string, what: string): void {
  assert.equal(answer.status, status, `${what}: ${answer.status} ${answer.raw}`)
  assert.match(String(answer.headers['content-type']), /problem\+json/)
  const places = (answer.body.errors ?? []).map((error: { loc: string[] }) => error.loc.join('.'))
  assert.ok(places.includes(loc), `${what}: ${answer.raw}`)
}

test('whatever is wrong with the parts is said, and nothing is left behind', async () => {
  const folder = (content: string): Part => ({ name: 'folder', content })
  const cases: [string, Part[], string][] = [
    ['no parts', [], 'body.file'],
    ['no file', [folder('documents')], 'body.file'],
    ['a file that is text', [{ name: 'file', content: 'text' }], 'body.file'],
    ['two files', [file('a'), file('b')], 'body.file'],
    ['three files', [file('a'), file('b'), file('c')], 'body.file'],
    ['a file under another name', [{ ...file('a'), name: 'upload' }], 'body.upload'],
    ['an unknown field', [file('a'), { name: 'owner_id', content: 'bob' }], 'body.owner_id'],
    ['an unknown field first', [{ name: 'owner_id', content: 'bob' }, file('a')], 'body.owner_id'],
    ['a field twice', [folder('a'), folder('b'), file('a')], 'body.folder'],
    ['a field that is too long', [file('a'), folder('x'.repeat(10_000))], 'body.folder'],
    ['a folder that climbs', [file('a'), folder('../../etc')], 'body.folder'],
    ['a folder that climbs, before the file', [folder('a/../b'), file('a')], 'body.folder'],
    [
      'a folder and its id',
      [file('a'), folder('a'), { name: 'folder_id', content: personas.ann.id }],
      'body.folder_id',
    ],
    ['a folder id that is none', [file('a'), { name: 'folder_id', content: 'x' }], 'body.folder_id'],
    ['an unknown rule', [file('a'), { name: 'on_conflict', content: 'overwrite' }], 'body.on_conflict'],
    ['a name that climbs', [file('../../etc/passwd')], 'body.file.filename'],
    ['a Windows path', [file('C:\\fakepath\\a.txt')], 'body.file.filename'],
    ['no name', [file('')], 'body.file.filename'],
    ['a name that is not UTF-8', [file(Buffer.from([0x61, 0xff, 0xfe, 0x2e, 0x74]))], 'body.file.filename'],
    ['a name that lies', [file('photo\u202egnp.exe')], 'body.file.filename'],
    ['a reserved name', [file('NUL.txt')], 'body.file.filename'],
    ['a name that is too long', [file('é'.repeat(128))], 'body.file.filename'],
  ]
  for (const [what, parts, loc] of cases)
    await leavesNothing(async () => assertRefused(await send(parts), 422, loc, what))
})

test('a folder that is not there, or that others have, looks the same', async () => {
  const { body } = await service.as('bob').call('createFolder', { body: { name: 'private' } }, 201)
  await leavesNothing(async () => {
    const answers = []
    for (const id of [body.id, personas.ann.id])
      answers.push(await send([file('a'), { name: 'folder_id', content: id }]))
    for (const answer of answers) assert.equal(answer.status, 404)
    assert.deepEqual(answers[0]?.raw, answers[1]?.raw)
  })
})

test('a body that is no multipart, or a broken one', async () => {
  const ann = service.as('ann')
  const good = multipart([file('a')])
  const cases: [string, { body: Buffer | string; headers: Record<string, string> }, number][] = [
    ['JSON', { body: '{"file":"x"}', headers: { 'content-type': 'application/json' } }, 415],
    ['a bare file', { body: 'x', headers: { 'content-type': 'application/pdf' } }, 415],
    ['no boundary', { ...good, headers: { 'content-type': 'multipart/form-data' } }, 422],
    [
      'another boundary',
      { ...good, headers: { 'content-type': 'multipart/form-data; boundary=other' } },
      400,
    ],
    ['cut off', { ...good, body: good.body.subarray(0, 500) }, 400],
    ['cut off in the headers', { ...good, body: good.body.subarray(0, 60) }, 400],
    ['empty', { ...good, body: '' }, 400],
  ]
  for (const [what, options, status] of cases)
    await leavesNothing(async () => {
      const answer = await ann.call('uploadFile', options)
      assert.equal(answer.status, status, `${what}: ${answer.status} ${answer.raw}`)
    })
})

test('too large, announced or not', async () => {
  await leavesNothing(async () =>
    assertRefused(await send([file('large', randomBytes(200_001))]), 413, 'body.file', 'over the limit'),
  )
  await leavesNothing(async () =>
    assertRefused(await send([file('huge', randomBytes(2_000_000))]), 413, 'body.file', 'announced'),
  )
  const exact = await upload(service.as('stranger'), 'exact', randomBytes(200_000))
  assert.equal(exact.body.size, 200_000)
})

test('too large before and after the parts, where no part counts it', async () => {
  const token = await service.authority.tokenFor('ann')
  const { body, headers } = multipart([file('small', 'small')])
  for (const beginning of [body, Buffer.alloc(0)])
    await leavesNothing(async () => {
      const options = { method: 'POST', headers: { ...headers, authorization: `Bearer ${token}` } }
      const sending = request(`${address}/api/v1/storage/upload`, options)
      sending.on('error', () => {})
      sending.write(beginning)
      Readable.from(endless(20_000_000)).pipe(sending)
      const [answer] = (await once(sending, 'response')) as [IncomingMessage]
      assert.equal(answer.statusCode, 413)
      sending.destroy()
    })
})

function* endless(bytesMax: number): Generator<Buffer> {
  for (let bytes = 0; bytes < bytesMax; bytes += 65_536) yield Buffer.alloc(65_536, 'x')
}

test('over quota, counting versions and trash', async () => {
  const { id } = personas.ann
  await service.as('admin').call('setQuota', { params: { user_id: id }, body: { quota_bytes: 5000 } }, 200)
  const ann = service.as('ann')
  const kept = (await upload(ann, 'half.bin', randomBytes(3000))).body
  const answer = await send([file('other.bin', randomBytes(3000))])
  assertRefused(answer, 413, 'body.file', 'over quota')
  assert.equal(answer.body.code, 'quota_exceeded')
  await leavesNothing(async () =>
    assertRefused(
      await send([file('half.bin', randomBytes(3000))]),
      413,
      'body.file',
      'a version over quota',
    ),
  )
  await ann.call('deleteFile', { params: { id: kept.id } }, 204)
  await leavesNothing(async () =>
    assertRefused(await send([file('other.bin', randomBytes(3000))]), 413, 'body.file', 'trash counts'),
  )
  await ann.call('emptyTrash', {}, 204)
  await upload(ann, 'other.bin', randomBytes(3000))
  assert.equal((await ann.call('getQuota', {}, 200)).body.free_bytes, 2000)
  await service.as('admin').call('setQuota', { params: { user_id: id }, body: { quota_bytes: null } }, 200)
})

test('too many files and folders', async () => {
  const folder = Array.from({ length: 12 }, (_, n) => n).join('/')
  await leavesNothing(async () => {
    const parts = [file('deep.txt'), { name: 'folder', content: folder }]
    const answer = await service.as('bob').call('uploadFile', multipart(parts), 413)
    assert.equal(answer.body.code, 'too_many_entries')
  })
})

test('a sender that falls silent is told so, one that hangs up leaves nothing', async () => {
  const token = await service.authority.tokenFor('ann')
  const { body, headers } = multipart([file('slow.bin', randomBytes(100_000))])
  const head =
    `POST /api/v1/storage/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: ${headers['content-type']}\r\nContent-Length: ${body.length}\r\n\r\n`
  const { port, hostname } = new URL(address)
  const begin = () => {
    const socket = connect(Number(port), hostname)
    socket.write(head)
    socket.write(body.subarray(0, 50_000))
    return socket
  }
  await leavesNothing(async () => {
    let answer = ''
    for await (const chunk of begin()) {
      answer += chunk
      if (answer.includes('\r\n\r\n')) break
    }
    assert.match(answer, /^HTTP\/1\.1 408 /)
  })
  const { files } = await state()
  await leavesNothing(async () => {
    const socket = begin()
    await until('the upload to begin', async () => (await state()).files > files)
    socket.destroy()
  })
})

test('a sender of bare content that hangs up at once, or half-way, leaves nothing', async () => {
  const { id } = (await upload(service.as('bob'), 'raw.txt', 'whole')).body
  const token = await service.authority.tokenFor('bob')
  const { port, hostname } = new URL(address)
  // Around both: the server may still be at the first when the second begins.
  await leavesNothing(async () => {
    for (const sent of [0, 10_000]) {
      const socket = connect(Number(port), hostname)
      socket.write(
        `PUT /api/v1/storage/files/${id}/content HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
          `Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n`,
      )
      socket.resume().end(randomBytes(sent))
      await once(socket, 'close')
    }
  })
  const file = await service.as('bob').call('downloadFile', { params: { id } }, 200)
  assert.equal(file.raw.toString(), 'whole')
})

test('bad ids, ranges of numbers and unknown fields are named', async () => {
  const ann = service.as('ann')
  assertRefused(await ann.call('getEntry', { params: { id: 'file-id' } }), 422, 'path.id', 'an id')
  assertRefused(
    await ann.call('createFolder', { body: { name: 'a/b' } }),
    422,
    'body.name',
    'a path as a name',
  )
  assertRefused(
    await ann.call('createFolder', { body: { name: 'a', colour: 'red' } }),
    422,
    'body.colour',
    'a field',
  )
  assertRefused(await ann.call('listFiles', { query: { folder: '../x' } }), 422, 'query.folder', 'a folder')
  assertRefused(await ann.call('listFiles', { query: { sort: 'colour' } }), 422, 'query.sort', 'an order')
  assertRefused(await ann.call('searchEntries', { query: { q: '' } }), 422, 'query.q', 'a search')
  assertRefused(
    await ann.call('presignUpload', { body: { name: 'a', size: 1, expires_in: 700_000 } }),
    422,
    'body.expires_in',
    'eight days',
  )
})
