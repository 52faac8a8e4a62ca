import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'

import { zipOf } from '../zip/zip.ts'
import type { ZipItem } from '../zip/zip.ts'
import { unzip } from './support/unzip.ts'

const modified = new Date('2026-01-28T10:00:00Z')
const file = (names: string[], content: string | Buffer, contentType = 'text/plain'): ZipItem => ({
  names,
  modified,
  contentType,
  open: async () => Readable.from([Buffer.from(content)]),
})
const zipped = async (items: ZipItem[]) => unzip(await buffer(zipOf(Readable.from(items))))

test('files and folders come out as they went in', async () => {
  const files = await zipped([
    { names: ['empty'], modified },
    file(['a', 'b', 'räksmörgås.txt'], 'x'.repeat(100_000)),
    file(['photo.jpg'], Buffer.alloc(70_000, 7), 'image/jpeg'),
    file(['nothing'], ''),
  ])
  assert.deepEqual(
    files.map(({ name, content }) => [name, content.length]),
    [
      ['empty/', 0],
      ['a/b/räksmörgås.txt', 100_000],
      ['photo.jpg', 70_000],
      ['nothing', 0],
    ],
  )
  assert.equal(files[1]?.utf8, true)
})

test('no name escapes from the folder it is unpacked into, and none comes twice', async () => {
  const files = await zipped([
    file(['..', '..', 'etc', 'passwd'], '1'),
    file(['C:\\windows', '/x'], '2'),
    file(['same.txt'], '3'),
    file(['SAME.txt'], '4'),
    file(['q?.txt'], '5'),
    file(['q*.txt'], '6'),
  ])
  assert.deepEqual(
    files.map(({ name }) => name),
    ['_/_/etc/passwd', 'C__windows/_x', 'same.txt', 'SAME (2).txt', 'q_.txt', 'q_ (2).txt'],
  )
})

test('a file that cannot be read breaks the archive, and is closed', async () => {
  const broken = Readable.from(
    (async function* () {
      yield Buffer.from('half')
      throw new Error('disk error')
    })(),
  )
  const items: ZipItem[] = [file(['a'], 'a'), { names: ['b'], modified, open: async () => broken }]
  await assert.rejects(buffer(zipOf(Readable.from(items))), /disk error/)
  assert.equal(broken.destroyed, true)
})

test('a reader that goes away ends the reading of files', async () => {
  const endless = Readable.from(
    (async function* () {
      for (;;) yield Buffer.alloc(65_536)
    })(),
  )
  const zip = zipOf(
    Readable.from([{ names: ['a'], modified, contentType: 'image/png', open: async () => endless }]),
  )
  for await (const _ of zip) break
  await new Promise((resolve) => endless.once('close', resolve))
  assert.equal(endless.destroyed, true)
})
