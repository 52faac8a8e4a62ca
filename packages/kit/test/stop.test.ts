import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { startService, type ServiceManifest, type ServiceRuntime } from '@ait/kit'
import { startTestService, until, type TestService } from '@ait/testing'
import { createHealth } from '../src/http/health.ts'
import { startChild } from './child.ts'
import { notes, type Deps } from './fixtures/notes/service.ts'
import { openWire, type Wire } from './wire.ts'

async function start(t: TestContext, env: Record<string, string> = {}) {
  const service = await startTestService(notes, { env })
  t.after(() => service.stop())
  const url = await service.service.listen(0, '127.0.0.1')
  const token = await service.authority.tokenFor('ann')
  const ask = (wire: Wire, path: string): void =>
    wire.send(`GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`)
  return { service, url, ask, deps: service.service.deps as Deps }
}
const waitPath = '/api/v1/kitnotes/wait'
const poolIsClosed = (service: TestService) =>
  assert.rejects(async () => service.sql`select 1`, { code: 'CONNECTION_ENDED' })

test('what is under way is finished; new connections are refused; idle ones are closed; the pool too', async (t) => {
  const { service, url, ask, deps } = await start(t)
  const idle = await openWire(url)
  ask(idle, '/health/live')
  await idle.until(/"status":"ok"/)
  const busy = await openWire(url)
  ask(busy, waitPath)
  await deps.arrived.promise

  const stopping = service.service.stop()
  await idle.closed
  await assert.rejects(openWire(url), { code: 'ECONNREFUSED' })
  deps.gate.resolve()
  const text = await busy.rest()
  assert.match(text, /^HTTP\/1\.1 200 .*connection: close.*\{"waited":true\}/is)
  await stopping
  await poolIsClosed(service)
})

test('a service that is stopping is not ready, whatever its checks say', async () => {
  const health = createHealth('x', '1', { database: async () => {} })
  assert.equal((await health.read()).status, 'ok')
  health.drain()
  const { status, checks } = await health.read()
  assert.equal(status, 'down')
  assert.equal(checks['database']?.status, 'ok')
})

test('a request that does not end is cut off when the time for a stop is over', async (t) => {
  const { service, url, ask, deps } = await start(t, { SHUTDOWN_TIMEOUT_MS: '200' })
  const busy = await openWire(url)
  ask(busy, waitPath)
  await deps.arrived.promise
  await service.service.stop()
  assert.equal(await busy.rest(), '')
  deps.gate.resolve()
  await poolIsClosed(service)
})

test('whoever stops it a second time waits for the first', async (t) => {
  const { service } = await start(t)
  void service.service.stop()
  await service.service.stop()
  await poolIsClosed(service)
})

test('a service that cannot start leaves nothing running', async (t) => {
  const { service } = await start(t)
  const { platform } = service.service.runtime
  const env = { ...platform.env, KITBROKEN_DATABASE_URL: platform.env['KITNOTES_DATABASE_URL'] }
  const broken = (part: Partial<ServiceManifest>) =>
    startService({ ...notes, name: 'kitbroken', ...part }, { ...platform, env })
  const fail = (): never => {
    throw new Error('on purpose')
  }
  let stopped = 0
  const setup = (runtime: ServiceRuntime): never => {
    runtime.onStop(() => void stopped++)
    return fail()
  }
  await assert.rejects(broken({ setup }), /on purpose/)
  assert.equal(stopped, 1)
  await assert.rejects(broken({ mount: fail }), /on purpose/)
  await assert.rejects(broken({ routes: notes.routes.slice(1) }), /operation listNotes has no route/)
  const unknown = { operation: 'unknown', handler: async () => {} }
  await assert.rejects(broken({ routes: [...notes.routes, unknown] }), /no operation unknown in the contract/)
  await until('its connections to be gone', async () => {
    const left =
      await service.sql`select 1 from pg_stat_activity where application_name like 'ait-kitbroken%'`
    return left.length === 0
  })
})

test('a process that starts and stops a service ends by itself', async (t) => {
  const { service } = await start(t)
  const child = startChild(service)
  const url = await child.says('ready')
  const kept = await fetch(`${url}/health`)
  assert.equal(kept.status, 200)
  await kept.text()
  child.process.kill('SIGTERM')
  await child.says('stopped')
  assert.equal(await child.ended, 0)
})
