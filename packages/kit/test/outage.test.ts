import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createDirectory, createLog, startService, type RunningService } from '@ait/kit'
import { until } from '@ait/testing'
import { notes } from './fixtures/notes/service.ts'
import { infoOf, startPair, type Pair } from './fixtures/pair.ts'
import { counts } from './fixtures/counts/service.ts'
import { openCable, type Cable } from './proxy.ts'

/** The notes, with a database whose cable can be pulled; the counts keep theirs. */
let pair: Pair
let cable: Cable
let service: RunningService
let headers: Record<string, string>
const lines: any[] = []
before(async () => {
  pair = await startPair('together')
  const { platform } = pair.notes.service.runtime
  const url = new URL(platform.env['KITNOTES_DATABASE_URL'] as string)
  cable = await openCable(url.hostname, Number(url.port))
  url.host = `127.0.0.1:${cable.port}`
  const env = { ...platform.env, KITNOTES_DATABASE_URL: url.href }
  await pair.notes.service.stop()
  service = await startService(notes, {
    ...platform,
    env,
    log: createLog('info', { write: (line: string) => void lines.push(JSON.parse(line)) }),
    services: createDirectory([infoOf(notes), infoOf(counts)], pair.running, env),
  })
  headers = { authorization: `Bearer ${await pair.notes.authority.tokenFor('ann')}` }
})
after(async () => {
  await service.stop()
  await cable.pull()
  await pair.stop()
})

const create = (title: string) =>
  service.app.inject({ method: 'POST', url: '/api/v1/kitnotes/notes', headers, payload: { title } })
const health = async (path = '/health') => {
  const answer = await service.app.inject(path)
  return { status: answer.statusCode, body: answer.json() }
}

test('while the database is away requests answer 503 and say no more; health says which dependency it is', async () => {
  assert.equal((await create('before')).statusCode, 201)
  assert.deepEqual((await health()).body.status, 'ok')
  await cable.pull()
  const down = await until('health to notice', async () => {
    const found = await health()
    return found.status === 503 ? found.body : undefined
  })
  assert.equal(down.status, 'down')
  assert.equal(down.checks.database.status, 'down')
  assert.match(down.checks.database.detail, /^[A-Z_]+$/)
  assert.equal((await health('/health/live')).status, 200)

  const answer = await create('meanwhile')
  assert.equal(answer.statusCode, 503)
  assert.deepEqual(answer.json(), {
    type: 'urn:ait:problem:unavailable',
    title: 'Service Unavailable',
    status: 503,
    detail: 'The database cannot be reached right now',
    code: 'unavailable',
  })
  assert.equal(answer.headers['retry-after'], '5')
  const warning = lines.find((line) => line.level === 'warn' && line.operation === 'createNote')
  assert.match(JSON.stringify(warning?.err), /ECONNREFUSED|CONNECTION_CLOSED|CONNECT/)

  const metrics = await service.app.inject('/metrics')
  assert.equal(metrics.statusCode, 200)
  assert.match(metrics.payload, /^db_pool_size\{.*\} 4$/m)
})

test(
  'when it is back, requests, health, events and jobs go on by themselves',
  { timeout: 90_000 },
  async () => {
    await cable.putBack()
    await until('a request to succeed', async () => (await create('after')).statusCode === 201, 60_000)
    await until('health', async () => (await health()).status === 200, 60_000)
    await until('the event to arrive', async () => (await pair.seen()).includes('after'), 60_000)
    const job = await service.app.inject({
      method: 'POST',
      url: '/api/v1/kitnotes/jobs/note-job',
      headers,
      payload: { n: 77 },
    })
    assert.equal(job.statusCode, 204)
    await until('the job', () => service.deps.runs.get(77) === 1, 60_000)
    assert.ok(!(await pair.seen()).includes('meanwhile'))
  },
)
