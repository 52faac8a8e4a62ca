// What only root can try: another account for PostgreSQL, a closed folder, a full disk.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readPostmaster } from '../src/postgres/postmaster.ts'
import { runningPostgres, startPostgres } from '../src/postgres/index.ts'
import { temporaryFolder } from './support/folder.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root'

const start = (data: string, log?: (line: string) => void) =>
  startPostgres({ dataDir: join(data, 'postgres'), ...(log && { log }) })

test('root: the cluster and its processes belong to another account', { skip }, async (t) => {
  const data = temporaryFolder()
  const server = await start(data)
  t.after(() => server.stop())
  const owner = statSync(join(data, 'postgres/data')).uid
  assert.notEqual(owner, 0)
  const pid = readPostmaster(join(data, 'postgres/data'))?.pid
  assert.equal(statSync(`/proc/${pid}`).uid, owner)
})

test(
  'root: below a folder that is closed to others, the cluster lives elsewhere and is found again',
  { skip },
  async (t) => {
    const data = temporaryFolder(0o700)
    const said: string[] = []
    const first = await start(data, (line) => said.push(line))
    const elsewhere = readFileSync(join(data, 'postgres/elsewhere'), 'utf8').trim()
    t.after(() => rmSync(elsewhere, { recursive: true }))
    assert.match(
      said[0] as string,
      new RegExp(`cannot enter ${data}/postgres: the database goes to ${elsewhere}\\.$`),
    )
    await first.stop()
    const again = await start(data)
    assert.equal(again.url, first.url)
    assert.equal(runningPostgres(join(data, 'postgres')), first.url)
    await again.stop()

    rmSync(join(elsewhere, 'data'), { recursive: true })
    await assert.rejects(start(data), { message: /is gone: bring it back/ })
  },
)

test('root: a closed folder of its own is no reason to go elsewhere', { skip }, async () => {
  const dataDir = temporaryFolder(0o700)
  const server = await startPostgres({ dataDir })
  await server.stop()
  assert.ok(existsSync(join(dataDir, 'data')))
  assert.equal(runningPostgres(dataDir), undefined)
})

test('root: a full disk is one line, and the start after it works', { skip }, async (t) => {
  const data = temporaryFolder()
  const disk = join(data, 'disk')
  mkdirSync(disk)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', disk]).status !== 0) {
    return t.skip('mount is not allowed here')
  }
  t.after(() => spawnSync('umount', [disk]))
  chmodSync(disk, 0o755)
  await assert.rejects(start(disk), {
    message: `The disk of ${disk}/postgres is full: make room and start again.`,
  })
  assert.equal(existsSync(join(disk, 'postgres/data')), false)
  spawnSync('mount', ['-o', 'remount,size=200m', disk])
  const server = await start(disk)
  await server.stop()
})
