import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createTestAuthority, startTestService } from '@ait/testing'
import { echoService } from './support/echo.ts'
import { exchangeRaw, startGateway } from './support/gateway.ts'

/** The gateway and another service in this process, as `npm start` runs them. */
async function startTogether(t: TestContext, env: Record<string, string> = {}) {
  const authority = await createTestAuthority()
  const things = await startTestService(echoService, { authority })
  t.after(() => things.stop())
  const gateway = await startGateway(t, { authority, env, running: new Map([['things', things.service]]) })
  const get = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${gateway.url}/api/v1/things${path}`, init)
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as any }
  }
  return { gateway, things, authority, get }
}

test('a service of the same process gets the request and who asks, without a socket', async (t) => {
  const { authority, gateway, get } = await startTogether(t)
  const authorization = `Bearer ${await authority.tokenFor('ann')}`
  const { status, body, headers } = await get('/users', { headers: { authorization } })
  assert.equal(status, 200)
  assert.equal(body.handed, true)
  assert.equal(body.principal.email, 'ann@example.com')
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.match(headers.get('ratelimit-limit') ?? '', /^\d+$/)
  assert.match(headers.get('x-request-id') ?? '', /./)
  assert.equal(gateway.deps.routes.upstreams[0]?.targets[0]?.pool.open, 0)
})

test('an anonymous request stays one, and a bad token is for the service to judge', async (t) => {
  const { authority, get } = await startTogether(t)
  assert.equal((await get('/who')).body.principal.kind, 'nobody')
  assert.equal((await get('/users')).status, 401)
  const headers = { authorization: `Bearer ${await authority.forgedFor('ann')}` }
  assert.equal((await get('/users', { headers })).status, 401)
  assert.equal((await get('/who', { headers })).body.principal.kind, 'nobody')
})

test('headers about identity do not reach it either', async (t) => {
  const { get } = await startTogether(t)
  const { body } = await get('/who', {
    headers: {
      'x-user-id': 'admin',
      'x-forwarded-user': 'admin',
      'x-forwarded-for': '6.6.6.6',
      forwarded: 'for=6.6.6.6',
    },
  })
  for (const name of ['x-user-id', 'x-forwarded-user', 'x-forwarded-for', 'forwarded'])
    assert.equal(name in body.headers, false, name)
  assert.equal(body.ip, '127.0.0.1')
})

test('a trusted proxy is believed there as well', async (t) => {
  const { get } = await startTogether(t, { TRUSTED_PROXIES: 'loopback' })
  const { body } = await get('/who', { headers: { 'x-forwarded-for': '6.6.6.6, 203.0.113.9' } })
  assert.equal(body.headers['x-forwarded-for'], '203.0.113.9')
  assert.equal(body.ip, '203.0.113.9')
})

test('bodies arrive whole', async (t) => {
  const { authority, get } = await startTogether(t)
  const authorization = `Bearer ${await authority.tokenFor('ann')}`
  const text = 'é'.repeat(100_000)
  const { body } = await get('/echo', {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  })
  assert.equal(body.body.text, text)
})

test('its answers are compressed, and stored when they are public', async (t) => {
  const { gateway } = await startTogether(t)
  const url = `${gateway.url}/api/v1/things/file`
  const first = await fetch(url)
  assert.match(first.headers.get('content-encoding') ?? '', /br|gzip/)
  assert.equal(await first.text(), 'x'.repeat(5000))
  const second = await fetch(url, { headers: { 'accept-encoding': 'identity' } })
  assert.match(second.headers.get('age') ?? '', /^\d+$/)
  assert.equal(await second.text(), 'x'.repeat(5000))
})

test('WebSockets are handed over with who asks', async (t) => {
  const { authority, gateway } = await startTogether(t)
  const token = await authority.tokenFor('ann')
  const answer = await exchangeRaw(
    gateway.port,
    'GET /api/v1/things/live HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n' +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  )
  assert.match(answer, /^HTTP\/1\.1 101 [\s\S]*user$/)
})

test('the health of the suite is the sum of its services', async (t) => {
  const { gateway, things } = await startTogether(t)
  const healthy = await gateway.with(null).call('getHealth', {}, 200)
  assert.equal(healthy.body.status, 'ok')
  assert.equal(healthy.body.services.things.status, 'ok')
  assert.equal(healthy.body.services.things.expected, true)
  things.service.runtime.check('disk', async () => {
    throw new Error('full')
  })
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 })
  const sick = await gateway.with(null).call('getHealth', {}, 503)
  assert.equal(sick.body.services.things.status, 'down')
})

test('the documents of all services can be chosen', async (t) => {
  const { gateway } = await startTogether(t)
  const page = await (await fetch(`${gateway.url}/docs`)).text()
  assert(page.includes('/docs/apis/things.json'))
  const document = (await (await fetch(`${gateway.url}/docs/apis/things.json`)).json()) as any
  assert(document.paths['/api/v1/things/who'])
  assert.equal((await fetch(`${gateway.url}/docs/apis/nothing.json`)).status, 404)
  const own = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as any
  assert(own.paths['/api/v1/gateway/session'])
  const start = (await (await fetch(`${gateway.url}/`)).json()) as { docs: string }
  assert.equal(start.docs, '/docs')
})

test('an upstream of the same process cannot be drained', async (t) => {
  const { gateway } = await startTogether(t)
  await gateway.as('admin').call('drainUpstream', { params: { name: 'things' }, body: {} }, 409)
})
