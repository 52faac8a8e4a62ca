// The commands as people run them: real processes, a real service, the embedded PostgreSQL.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { processStart } from '../../../bin/process-lock.mjs'
import { readPostmaster } from '../src/postgres/postmaster.ts'
import { installation } from './support/command.ts'
import { temporaryFolder } from './support/folder.ts'

const email = 'ann@example.com'
const password = 'Correct-Horse-7-Battery'
const account = { email, password, full_name: 'Ann Ferrer' }

const post = (port: number, path: string, body: object): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}/api/v1/auth${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

const postmaster = (dataDir: string) => readPostmaster(join(dataDir, 'postgres/data'))

test('start, status, logs, a second start, stop, and status again', async (t) => {
  const suite = await installation(temporaryFolder())
  assert.equal(suite.run('status').status, 3)
  const { output, ended } = await suite.start(t)
  const url = `http://127.0.0.1:${suite.port}`
  assert.match(output(), new RegExp(`^auth +${url} +${url}/docs +ready$`, 'm'))
  for (const name of ['logs', 'secrets.json', 'run.json']) {
    assert.equal(statSync(join(suite.dataDir, name)).mode & 0o077, 0, name)
  }
  assert.match(output(), /^auth: No administrator yet: .*http\S+$/m)

  const status = suite.run('status')
  assert.equal(status.status, 0)
  assert.match(status.stdout, new RegExp(`^auth +${url} +${url}/docs +ready$`, 'm'))
  const logs = suite.run('logs', ['auth', '--tail=500'])
  assert.equal(logs.status, 0)
  assert.match(logs.stdout, /^\d\d:\d\d:\d\d\.\d{3} auth +info +Server listening at /m)
  assert.match(suite.run('logs', ['nobody']).stderr, /^There is no log of nobody: choose from auth, postgres/)

  const second = suite.run('start')
  assert.equal(second.status, 1)
  assert.match(
    second.stderr,
    /^A suite is running on .* already \(process \d+\): see npm run status, or npm run stop\.\n$/,
  )

  const stop = suite.run('stop')
  assert.deepEqual([stop.status, stop.stdout], [0, 'Stopped.\n'])
  assert.deepEqual(await ended, { code: 0, signal: null })
  assert.equal(postmaster(suite.dataDir), undefined)
  assert.equal(suite.run('status').status, 3)
})

test('Ctrl-C twice at once is one request: work under way is finished, and PostgreSQL is stopped cleanly', async (t) => {
  const suite = await installation(temporaryFolder())
  const { child, ended, output } = await suite.start(t)
  const answer = post(suite.port, '/register', account)
  // The request is in the service's hands once its socket has been written to.
  await new Promise((resolve) => setImmediate(resolve))
  child.kill('SIGINT')
  child.kill('SIGINT')
  assert.deepEqual(await ended, { code: 0, signal: null })
  assert.doesNotMatch(output(), /is cut off\.\n/)
  const status = await answer.then(
    (response) => response.status,
    () => 'refused',
  )
  assert.ok(status === 201 || status === 'refused', String(status))
  assert.equal(postmaster(suite.dataDir), undefined)
})

test('after kill -9 the next start has everything that was acknowledged', async (t) => {
  const suite = await installation(temporaryFolder())
  const first = await suite.start(t)
  assert.equal((await post(suite.port, '/register', account)).status, 201)
  const orphan = postmaster(suite.dataDir)?.pid as number
  first.child.kill('SIGKILL')
  await first.ended
  assert.equal(suite.run('status').status, 3)

  await suite.start(t)
  assert.equal(processStart(orphan), undefined)
  assert.equal((await post(suite.port, '/login', { email, password })).status, 200)
})

test('PostgreSQL that dies is started again, and the services find it', async (t) => {
  const suite = await installation(temporaryFolder())
  await suite.start(t)
  const before = postmaster(suite.dataDir)?.pid as number
  process.kill(before, 'SIGKILL')
  const deadline = Date.now() + 20_000
  let status = 0
  while (status !== 201 && Date.now() < deadline)
    status = (await post(suite.port, '/register', account)).status
  assert.equal(status, 201)
  assert.notEqual(postmaster(suite.dataDir)?.pid, before)
})

test('a start that cannot succeed says why in one line and leaves nothing running', async (t) => {
  const suite = await installation(temporaryFolder())
  const taken = createServer().listen(suite.port, '127.0.0.1')
  await once(taken, 'listening')
  const port = suite.run('start')
  assert.equal(port.status, 1)
  assert.match(
    port.stderr,
    new RegExp(`^Port ${suite.port} \\(auth\\) is taken.*: stop that and start again\\.\n$`),
  )
  assert.equal(existsSync(join(suite.dataDir, 'postgres')), false)
  taken.close()

  const weak = suite.run('start', [], { ADMIN_EMAIL: 'admin@example.com', ADMIN_PASSWORD: 'short' })
  assert.equal(weak.status, 1)
  assert.match(weak.stderr, /^auth could not start: ADMIN_PASSWORD.*\n$/)
  assert.equal(postmaster(suite.dataDir), undefined)
  assert.deepEqual(
    readdirSync(suite.dataDir).filter((name) => name.startsWith('run.')),
    [],
  )

  assert.match(suite.run('start', ['nope']).stderr, /^There is no service nope: choose from .*auth/)
  const production = suite.run('start', [], { NODE_ENV: 'production' })
  assert.match(
    production.stderr,
    /^auth could not start: JWT_SECRET_KEY is not set; SERVICE_AUTH_TOKEN is not set .*\n$/,
  )
  const away = suite.run('start', [], { POSTGRES_URL: 'not an address' })
  assert.match(away.stderr, /^POSTGRES_URL is no address: /)
  await suite.start(t)
})

test('seed does nothing in production', async () => {
  const suite = await installation(temporaryFolder())
  const { status, stderr } = suite.run('seed', [], { NODE_ENV: 'production' })
  assert.equal(status, 1)
  assert.match(stderr, /in production\.\n$/)
})

test('seed beside a running suite and without one', async (t) => {
  const suite = await installation(temporaryFolder())
  const alone = suite.run('seed')
  assert.equal(alone.status, 0, alone.stderr)
  assert.equal(postmaster(suite.dataDir), undefined)
  const { child } = await suite.start(t)
  const beside = suite.run('seed')
  assert.equal(beside.status, 0, beside.stderr)
  assert.equal(child.exitCode, null)
  assert.equal(suite.run('status').status, 0)
})
