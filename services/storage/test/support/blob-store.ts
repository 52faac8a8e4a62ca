import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

import type { BlobStore } from '../../blobs/store.ts'
import { BlobMissingError, BlobTooLargeError } from '../../blobs/store.ts'

const MIB = 1024 * 1024

/** SHA-256 of the empty string and of "abc": FIPS 180-2, appendix B.1. */
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

/** What every backend has to do, whatever it writes to. `leftovers` counts what interrupted uploads left behind. */
export async function checkBlobStore(t: TestContext, store: BlobStore, leftovers: () => Promise<number>) {
  const put = (content: string | Buffer, maxBytes = 64 * MIB) =>
    store.put(Readable.from([Buffer.from(content)]), { maxBytes })
  const read = async (sha256: string, range?: { start: number; end: number }) =>
    (await buffer(await store.get(sha256, range))).toString()

  await t.test('keeps a content under its SHA-256', async () => {
    assert.deepEqual(await put('abc'), { sha256: ABC, size: 3 })
    assert.equal(await read(ABC), 'abc')
    assert.equal(await store.has(ABC), true)
  })

  await t.test('keeps an empty content', async () => {
    assert.deepEqual(await store.put(Readable.from([]), { maxBytes: 1 }), { sha256: EMPTY, size: 0 })
    assert.equal(await read(EMPTY), '')
  })

  await t.test('reads a part, both ends included', async () => {
    await put('abc')
    assert.equal(await read(ABC, { start: 1, end: 2 }), 'bc')
    assert.equal(await read(ABC, { start: 0, end: 0 }), 'a')
  })

  await t.test('stores the same content twice as one', async () => {
    assert.deepEqual(
      await Promise.all([put('abc'), put('abc'), put('abc')]).then(
        (all) => new Set(all.map((b) => b.sha256)).size,
      ),
      1,
    )
    assert.equal(await read(ABC), 'abc')
    assert.equal(await leftovers(), 0)
  })

  await t.test('streams many odd-sized chunks intact', async () => {
    const chunks = Array.from({ length: 400 }, (_, i) => Buffer.alloc(1 + ((i * 7919) % 131_071), i))
    const expected = createHash('sha256').update(Buffer.concat(chunks)).digest('hex')
    const blob = await store.put(Readable.from(chunks), { maxBytes: 64 * MIB })
    assert.equal(blob.sha256, expected)
    assert.equal(
      createHash('sha256')
        .update(await buffer(await store.get(expected)))
        .digest('hex'),
      expected,
    )
  })

  await t.test('takes exactly the limit, and refuses one byte more without a trace', async () => {
    assert.equal((await put('12345', 5)).size, 5)
    const large = Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(MIB, 7)))
    await assert.rejects(store.put(large, { maxBytes: 20 * MIB - 1 }), BlobTooLargeError)
    assert.equal(large.destroyed, true)
    assert.equal(await leftovers(), 0)
  })

  await t.test('leaves nothing of a source that breaks', async () => {
    const broken = Readable.from(
      (async function* () {
        for (let i = 0; i < 12; i++) yield Buffer.alloc(MIB, 9)
        throw new Error('connection lost')
      })(),
    )
    await assert.rejects(store.put(broken, { maxBytes: 64 * MIB }), /connection lost/)
    assert.equal(await leftovers(), 0)
  })

  await t.test(
    'lists by age and deletes; a missing blob is an error to read and none to delete',
    async () => {
      const { sha256 } = await put('to be removed')
      const listed = async (olderThan: Date) =>
        (await Array.fromAsync(store.list(olderThan))).includes(sha256)
      assert.equal(await listed(new Date(Date.now() + 60_000)), true)
      assert.equal(await listed(new Date(Date.now() - 60_000)), false)
      await store.delete(sha256)
      await store.delete(sha256)
      assert.equal(await store.has(sha256), false)
      await assert.rejects(store.get(sha256), BlobMissingError)
    },
  )

  await t.test('accepts nothing but a checksum as a name', async () => {
    await assert.rejects(store.get('../../etc/passwd'), TypeError)
    await assert.rejects(store.delete(`${ABC.slice(1)}/`), TypeError)
  })
}
