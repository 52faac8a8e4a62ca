import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import { startTestService, testServiceToken, until, type TestService } from '@ait/testing'

import manifest from '../service.ts'
import { multipart } from './support/multipart.ts'

// A second process serves the same database and the same folder, as a replica would; it is the one that dies.
let watcher: TestService
let folder: string
before(async () => {
  watcher = await startTestService(manifest)
  folder = join(watcher.service.runtime.platform.dataDir, 'blobs')
})
after(() => watcher.stop())

async function start(): Promise<{ url: string; process: ChildProcess }> {
  const { env, dataDir } = watcher.service.runtime.platform
  const program = join(import.meta.dirname, 'support/serve.ts')
  const child = spawn(process.execPath, [program, JSON.stringify(env), dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { url: line.toString().trim(), process: child }
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

const temporary = () => readdir(join(folder, 'tmp'))
const headers = { authorization: `Bearer ${testServiceToken}` }
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

test('kill -9 in the middle of an upload leaves nothing', async () => {
  const first = await start()
  const { body, headers: type } = multipart([
    { name: 'file', filename: 'half.bin', content: randomBytes(5_000_000) },
  ])
  const { hostname, port } = new URL(first.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(
    `POST /api/v1/storage/upload HTTP/1.1\r\nHost: x\r\nAuthorization: ${headers.authorization}\r\n` +
      `Content-Type: ${type['content-type']}\r\nContent-Length: ${body.length}\r\n\r\n`,
  )
  socket.write(body.subarray(0, 3_000_000))
  await until('the upload to be under way', async () => (await temporary()).length === 1)
  await kill(first.process)
  assert.equal((await temporary()).length, 1)

  const second = await start()
  assert.deepEqual(await temporary(), [])
  const [row] = await watcher.sql`select (select count(*) from entries) + (select count(*) from blobs) as n`
  assert.equal(row?.['n'], 0)
  await kill(second.process)
})

test('kill -9 under many uploads loses nothing that was acknowledged, and shows nothing by halves', async () => {
  const acknowledged = new Map<string, string>()
  for (let round = 1; round <= 2; round++) {
    const { url, process: child } = await start()
    let stop = false
    const worker = async (n: number): Promise<void> => {
      for (let i = 0; !stop; i++) {
        const bytes = randomBytes(20_000 + Math.floor(Math.random() * 400_000))
        const form = new FormData()
        form.append('file', new Blob([bytes]), `r${round}-w${n}-${i}.bin`)
        form.append('folder', `round ${round}`)
        const answer = await fetch(`${url}/api/v1/storage/upload`, { method: 'POST', headers, body: form })
        if (answer.status === 201)
          acknowledged.set(((await answer.json()) as { id: string }).id, sha256(bytes))
      }
    }
    const working = Promise.allSettled([1, 2, 3, 4].map(worker))
    await until('some uploads to be acknowledged', () => acknowledged.size >= round * 8)
    await kill(child)
    stop = true
    await working
  }
  const { url, process: last } = await start()
  for (const [id, expected] of acknowledged) {
    const answer = await fetch(`${url}/api/v1/storage/download/${id}`, { headers })
    assert.equal(sha256(new Uint8Array(await answer.arrayBuffer())), expected)
  }
  // What was committed but not acknowledged is whole as well: every row has its content.
  const visible = await watcher.sql<
    { id: string; sha256: string }[]
  >`select id, sha256 from entries where kind = 'file'`
  assert.ok(visible.length >= acknowledged.size)
  for (const { id, sha256: expected } of visible) {
    const answer = await fetch(`${url}/api/v1/storage/download/${id}`, { headers })
    assert.equal(sha256(new Uint8Array(await answer.arrayBuffer())), expected)
  }
  const [told] =
    await watcher.sql`select count(*) as n from kit.events where type = 'storage.file.uploaded.v1'`
  assert.equal(told?.['n'], visible.length)
  await kill(last)
})
