import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createDirectory, createLog, createTransport, Problem, type Transport } from '@ait/kit'
import { personas, startTestService, testServiceToken, type TestService } from '@ait/testing'
import { withRequestId } from '../src/transport.ts'
import { infoOf } from './fixtures/pair.ts'
import { newDeps, notes, type Deps } from './fixtures/notes/service.ts'

for (const shape of ['together', 'apart'] as const) {
  describe(`calls between services ${shape}`, () => {
    let service: TestService
    let transport: Transport
    const lines: any[] = []
    before(async () => {
      const log = createLog('info', { write: (line: string) => void lines.push(JSON.parse(line)) })
      service = await startTestService(notes, { log })
      const env = { KITNOTES_URL: await service.service.listen(0, '127.0.0.1') }
      const running = shape === 'together' ? new Map([['kitnotes', service.service]]) : new Map()
      transport = createTransport(createDirectory([infoOf(notes)], running, env), testServiceToken)
    })
    after(() => service.stop())
    const call = (path: string, extra: object = {}) =>
      transport({ service: 'kitnotes', method: 'GET', path: `/api/v1/kitnotes${path}`, ...extra })
    const unavailable = (error: unknown): boolean => {
      assert.ok(error instanceof Problem)
      assert.equal(error.status, 503)
      assert.equal(error.message, 'The kitnotes service does not answer')
      assert.ok(error.cause, 'the log is told why')
      return true
    }

    test('are made with the service’s own token, or with that of the person', async () => {
      assert.deepEqual((await call('/who')).body, { kind: 'service', id: 'service' })
      const token = await service.authority.tokenFor('ann')
      assert.equal((await call('/who', { token })).body.id, personas.ann.id)
      const created = await call('/notes', { token, method: 'POST', body: { title: 'over there' } })
      assert.equal(created.status, 201)
      assert.equal(created.headers['etag'], '"v1"')
      assert.equal(created.body.title, 'over there')
    })

    test('give back what the other service says, problems too', async () => {
      const missing = await call('/nowhere')
      assert.equal(missing.status, 404)
      assert.equal(missing.body.code, 'not_found')
      const empty = await call('/only-service')
      assert.deepEqual({ status: empty.status, body: empty.body }, { status: 204, body: undefined })
    })

    test('end at their deadline, or when they are called off', async () => {
      Object.assign(service.service.deps as Deps, newDeps())
      await assert.rejects(call('/wait', { timeoutMs: 50 }), unavailable)
      const controller = new AbortController()
      const called = call('/wait', { signal: controller.signal })
      controller.abort()
      await assert.rejects(called, unavailable)
      await assert.rejects(call('/wait', { signal: AbortSignal.abort() }), unavailable)
      ;(service.service.deps as Deps).gate.resolve()
    })

    test('carry the id of the request that they are made for', async () => {
      await withRequestId(
        transport,
        'request-42',
      )({ service: 'kitnotes', method: 'GET', path: '/api/v1/kitnotes/only-service' })
      assert.equal(lines.findLast((line) => line.operation === 'onlyService')?.request_id, 'request-42')
    })

    test('to a service that is not there answer 503', async () => {
      await service.service.stop()
      await assert.rejects(call('/who'), unavailable)
    })
  })
}

test('a service is found at its own URL, by the template, or at its port here', () => {
  const all = [infoOf(notes)]
  const at = (env: object) => createDirectory(all, new Map(), env as never).url('kitnotes')
  assert.equal(at({}), 'http://127.0.0.1:18900')
  assert.equal(at({ KITNOTES_PORT: '18999' }), 'http://127.0.0.1:18999')
  assert.equal(at({ SERVICE_URL_TEMPLATE: 'http://{name}-service:{port}' }), 'http://kitnotes-service:18900')
  assert.equal(
    at({ KITNOTES_URL: 'https://notes.example', SERVICE_URL_TEMPLATE: 'http://x' }),
    'https://notes.example',
  )
  assert.throws(() => createDirectory(all, new Map(), {}).url('nobody'), /no service nobody/)
})
