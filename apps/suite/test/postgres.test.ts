import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import postgres from 'postgres'
import { processStart } from '../../../bin/process-lock.mjs'
import { readPostmaster } from '../src/postgres/postmaster.ts'
import { startPostgres, type Postgres, type PostgresOptions } from '../src/postgres/index.ts'
import { tryPort } from '../src/ports.ts'
import { temporaryFolder } from './support/folder.ts'
import { until } from './support/until.ts'

const runner = join(import.meta.dirname, 'support/run-postgres.ts')

async function start(
  t: TestContext,
  data: string,
  options: Partial<PostgresOptions> = {},
): Promise<Postgres> {
  const server = await startPostgres({
    dataDir: join(data, 'postgres'),
    ...options,
  })
  t.after(() => server.stop())
  return server
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const sql = postgres(`${url}/postgres`, { max: 1 })
  try {
    return await sql.unsafe(text)
  } finally {
    await sql.end()
  }
}

test('first start makes the cluster; the next one finds its data', async (t) => {
  const data = temporaryFolder()
  const said: string[] = []
  const first = await start(t, data, { log: (line) => said.push(line), maxConnections: 37 })
  assert.deepEqual(
    said.filter((line) => !line.startsWith('Port ')),
    ['Creating the database cluster (once).'],
  )
  assert.equal(statSync(join(data, 'postgres/password')).mode & 0o777, 0o600)
  assert.equal(statSync(join(data, 'postgres/data')).mode & 0o777, 0o700)
  const settings = await query(
    first.url,
    `select name, setting from pg_settings where name in
     ('data_checksums', 'fsync', 'listen_addresses', 'max_connections', 'password_encryption', 'server_encoding') order by name`,
  )
  assert.deepEqual(
    settings.map(({ name, setting }) => `${name}=${setting}`),
    [
      'data_checksums=on',
      'fsync=on',
      'listen_addresses=127.0.0.1',
      'max_connections=37',
      'password_encryption=scram-sha-256',
      'server_encoding=UTF8',
    ],
  )
  await query(first.url, 'create table kept as select 42 as answer')
  await first.stop()
  assert.equal(await tryPort(first.port, '127.0.0.1'), undefined)

  const second = await start(t, data)
  assert.equal(second.url, first.url)
  assert.deepEqual([...(await query(second.url, 'select answer from kept'))], [{ answer: 42 }])
})

test('nobody gets in without the password', async (t) => {
  const { url } = await start(t, temporaryFolder())
  const other = new URL(url)
  other.password = 'guessed'
  await assert.rejects(query(other.href.replace(/\/$/, ''), 'select 1'), { code: '28P01' })
})

test('after kill -9 of the suite, its PostgreSQL is stopped and every commit is there', async (t) => {
  const data = temporaryFolder()
  const killed = spawn(process.execPath, [runner, join(data, 'postgres')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(killed.stdout, 'data')) as [Buffer]
  await query(line.toString().trim(), 'create table kept as select 42 as answer')
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  const orphan = readPostmaster(join(data, 'postgres/data'))
  assert.ok(orphan)

  const next = await start(t, data)
  assert.equal(processStart(orphan.pid), undefined)
  assert.deepEqual([...(await query(next.url, 'select answer from kept'))], [{ answer: 42 }])
})

test('after kill -9 of PostgreSQL itself it says so, and starts again with every commit', async (t) => {
  const data = temporaryFolder()
  const first = await start(t, data)
  await query(first.url, 'create table kept as select 42 as answer')
  process.kill(readPostmaster(join(data, 'postgres/data'))?.pid as number, 'SIGKILL')
  await first.lost
  await first.stop()
  assert.ok(existsSync(join(data, 'postgres/data/postmaster.pid')))

  const next = await start(t, data)
  assert.deepEqual([...(await query(next.url, 'select answer from kept'))], [{ answer: 42 }])
})

test('a postmaster.pid with the number of another program is no obstacle', async (t) => {
  const data = temporaryFolder()
  const first = await start(t, data)
  const pidFile = join(data, 'postgres/data/postmaster.pid')
  const lines = readFileSync(pidFile, 'utf8').split('\n')
  await first.stop()
  writeFileSync(pidFile, [String(process.ppid), ...lines.slice(1)].join('\n'))
  await query((await start(t, data)).url, 'select 1')
})

test('kill -9 in the middle of the first start leaves nothing half made', async (t) => {
  const data = temporaryFolder()
  const killed = spawn(process.execPath, [runner, join(data, 'postgres')], { stdio: 'ignore' })
  const entries = () => (existsSync(join(data, 'postgres')) ? readdirSync(join(data, 'postgres')) : [])
  await until('initdb is at work', () => {
    const unfinished = entries().find((name) => /^unfinished-\d+$/.test(name))
    return unfinished && existsSync(join(data, 'postgres', unfinished, 'base'))
  })
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  assert.ok(!entries().includes('data'))

  await query((await start(t, data)).url, 'select 1')
  assert.deepEqual(entries().toSorted(), ['data', 'lock', 'password', 'port', 'server.log'])
})

test('two starts on the same data: the second is refused', async (t) => {
  const data = temporaryFolder()
  await start(t, data)
  await assert.rejects(start(t, data), { message: new RegExp(`in use by process ${process.pid}`) })
})

test('a taken port: one set by hand is an error, the default moves on and is remembered', async (t) => {
  const data = temporaryFolder()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const { port } = other.address() as AddressInfo
  await assert.rejects(start(t, data, { port }), {
    message: new RegExp(`^Port ${port} for PostgreSQL is taken`),
  })

  writeFileSync(join(data, 'postgres/port'), String(port))
  const said: string[] = []
  const server = await start(t, data, { log: (line) => said.push(line) })
  assert.notEqual(server.port, port)
  assert.ok(said.includes(`Port ${port} is taken: PostgreSQL uses ${server.port}.`))
  assert.equal(readFileSync(join(data, 'postgres/port'), 'utf8'), `${server.port}\n`)
})

test('several that start at once, all with the same port in mind, get one each', async (t) => {
  const folders = [temporaryFolder(), temporaryFolder(), temporaryFolder()]
  for (const data of folders) {
    await (await start(t, data)).stop()
    writeFileSync(join(data, 'postgres/port'), '15432')
  }
  const servers = await Promise.all(folders.map((data) => start(t, data)))
  assert.equal(new Set(servers.map(({ port }) => port)).size, 3)
  for (const { url } of servers) await query(url, 'select 1')
})

test('data of another PostgreSQL are refused, with what to do', async (t) => {
  const data = temporaryFolder()
  await (await start(t, data)).stop()
  writeFileSync(join(data, 'postgres/data/PG_VERSION'), '16\n')
  await assert.rejects(start(t, data), {
    message: /made by PostgreSQL 16; this suite brings 18\..*pg_dumpall/,
  })
})

test('a setting that PostgreSQL refuses: its reason, and nothing left running', async (t) => {
  const data = temporaryFolder()
  await assert.rejects(start(t, data, { settings: { shared_buffers: '1TB', huge_pages: 'off' } }), {
    message: /^PostgreSQL did not start: /,
  })
  assert.equal(readPostmaster(join(data, 'postgres/data')), undefined)
  await query((await start(t, data)).url, 'select 1')
})
