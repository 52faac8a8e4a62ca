import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { openFilesystemStore } from '../blobs/filesystem.ts'
import { temporaryName } from '../blobs/leftovers.ts'
import { checkBlobStore } from './support/blob-store.ts'

async function folder(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'ait-blobs-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  return root
}

test('the filesystem store does what a blob store does', async (t) => {
  const root = await folder(t)
  const store = await openFilesystemStore(root)
  await checkBlobStore(t, store, async () => (await readdir(join(root, 'tmp'))).length)
})

test('a process killed in the middle of an upload leaves nothing after the next start', async (t) => {
  const root = await folder(t)
  const program = `
    import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
    import { openFilesystemStore } from ${JSON.stringify(new URL('../blobs/filesystem.ts', import.meta.url).href)}
    const store = await openFilesystemStore(${JSON.stringify(root)})
    async function* endless() { for (;;) { yield Buffer.alloc(1 << 20); process.stdout.write('.') } }
    await store.put(Readable.from(endless()), { maxBytes: 2 ** 40 })
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let written = 0
  for await (const dots of child.stdout) {
    written += dots.length
    if (written >= 20) break
  }
  child.kill('SIGKILL')
  await once(child, 'exit')

  assert.equal((await readdir(join(root, 'tmp'))).length, 1, 'the crash did leave a temporary file')
  const store = await openFilesystemStore(root)
  assert.deepEqual(await readdir(join(root, 'tmp')), [])
  assert.deepEqual(await readdir(join(root, 'sha256')), [])
  assert.equal((await store.put(Readable.from([Buffer.from('abc')]), { maxBytes: 3 })).size, 3)
})

test('the sweep spares uploads under way, here and on other machines', async (t) => {
  const root = await folder(t)
  const store = await openFilesystemStore(root)
  const mine = join(root, 'tmp', temporaryName('mine'))
  const theirs = join(root, 'tmp', 'another-host~1~0~theirs')
  await Promise.all([writeFile(mine, 'x'), writeFile(theirs, 'x')])
  assert.equal(await store.sweep(), 0)
  const longAgo = new Date(Date.now() - 61 * 60 * 1000)
  await Promise.all([utimes(mine, longAgo, longAgo), utimes(theirs, longAgo, longAgo)])
  assert.equal(await store.sweep(), 2)
})

test('a content that is removed while it arrives again is an answer, not an accident', async (t) => {
  const store = await openFilesystemStore(await folder(t))
  const put = () => store.put(Readable.from([Buffer.from('abc')]), { maxBytes: 3 })
  const { sha256 } = await put()
  let arriving = true
  const removing = (async () => {
    while (arriving) await store.delete(sha256)
  })()
  try {
    for (let round = 0; round < 50; round++) await Promise.all([put(), put()])
  } finally {
    arriving = false
    await removing
  }
})

test('a content that was damaged on disk is whole again when it arrives again', async (t) => {
  const root = await folder(t)
  const store = await openFilesystemStore(root)
  const put = () => store.put(Readable.from([Buffer.from('abc')]), { maxBytes: 3 })
  const { sha256 } = await put()
  await writeFile(join(root, 'sha256', sha256.slice(0, 2), sha256.slice(2, 4), sha256), 'a')
  await put()
  assert.equal(await text(await store.get(sha256)), 'abc')
})
