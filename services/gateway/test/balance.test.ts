import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { until } from '@ait/testing'
import { deadUrl, startGateway, startUpstream, type TestGateway } from './support/gateway.ts'

const get = (gateway: TestGateway, path = '/api/v1/things', init: RequestInit = {}) =>
  fetch(gateway.url + path, init).then(async (answer) => ({
    status: answer.status,
    text: await answer.text(),
  }))

const named = (t: TestContext, name: string, status = 200) =>
  startUpstream(t, (request, response) => {
    request.resume()
    response.writeHead(request.url === '/health/ready' ? 200 : status).end(name)
  })

const targetsOf = (gateway: TestGateway) => gateway.deps.routes.upstreams[0]?.targets ?? []

test('all targets get requests, the less busy one more', async (t) => {
  const held: (() => void)[] = []
  const busy = await startUpstream(t, (request, response) => {
    if (request.url === '/health/ready') return void response.end()
    held.push(() => response.end('busy'))
  })
  const idle = await named(t, 'idle')
  const gateway = await startGateway(t, { things: `${busy.url},${idle.url}` })
  const first: Promise<unknown>[] = []
  while (held.length === 0) {
    first.push(get(gateway))
    await until('one answered', () => held.length > 0 || idle.seen.length >= first.length)
  }
  // With two targets both are compared: while one request hangs there, the other target is less busy.
  for (let i = 0; i < 10; i++) assert.equal((await get(gateway)).text, 'idle')
  assert.equal(held.length, 1)
  held[0]?.()
  await Promise.all(first)
})

test('a request that never reached a target goes to another one', async (t) => {
  const alive = await named(t, 'alive')
  const gateway = await startGateway(t, { things: `${await deadUrl(t)},${alive.url}` })
  for (let i = 0; i < 20; i++) assert.equal((await get(gateway, undefined, { method: 'POST' })).text, 'alive')
})

test('what was sent is repeated only when that does no harm', async (t) => {
  let calls = 0
  const flaky = await startUpstream(t, (request, response) => {
    calls += 1
    if (calls === 1) return void request.socket.destroy()
    response.end('second')
  })
  const gateway = await startGateway(t, { things: flaky.url })
  assert.deepEqual(await get(gateway), { status: 200, text: 'second' })
  calls = 0
  assert.equal((await get(gateway, undefined, { method: 'POST', body: 'x' })).status, 502)
  assert.equal(calls, 1)
  assert.equal(gateway.deps.routes.upstreams[0]?.traffic.retries, 1)
})

test('retries stop when the budget is used up', async (t) => {
  let calls = 0
  const broken = await startUpstream(t, (request) => {
    calls += 1
    request.socket.destroy()
  })
  const gateway = await startGateway(t, { things: broken.url })
  const answers = await Promise.all(Array.from({ length: 30 }, () => get(gateway)))
  assert(answers.every(({ status }) => status === 502 || status === 503))
  // 30 requests, a fifth of them again, and the few per second that are always allowed.
  assert(calls <= 30 + 6 + 2 * 5, `${calls} calls`)
})

test('a target that answers 5xx again and again is left out', async (t) => {
  const sick = await named(t, 'sick', 500)
  const well = await named(t, 'well')
  const gateway = await startGateway(t, { things: `${sick.url},${well.url}` })
  await until('the sick one is ejected', async () => {
    await get(gateway)
    return targetsOf(gateway).some(({ outlier }) => outlier.ejectedUntil > Date.now())
  })
  const before = sick.seen.length
  for (let i = 0; i < 20; i++) assert.equal((await get(gateway)).text, 'well')
  assert.equal(sick.seen.filter(({ url }) => url !== '/health/ready').length <= before, true)
  const { body } = await gateway.as('admin').call('listUpstreams', {}, 200)
  assert.deepEqual(
    body.items[0].targets.map(({ state }: { state: string }) => state),
    ['ejected', 'ok'],
  )
})

test('a target whose checks fail gets nothing until they succeed again', async (t) => {
  let ready = false
  const starting = await startUpstream(t, (request, response) => {
    response.writeHead(request.url === '/ready' && !ready ? 503 : 200).end('starting')
  })
  const steady = await named(t, 'steady')
  const file = `upstreams:
  - name: pair
    prefix: /pair
    access: open
    targets: ["${starting.url}", "${steady.url}"]
    health: {path: /ready, interval_ms: 50, timeout_ms: 1000}`
  const gateway = await startGateway(t, { file })
  const [first] = gateway.deps.routes.upstreams.find(({ config }) => config.name === 'pair')?.targets ?? []
  await until('it is left out', () => first?.healthy === false)
  for (let i = 0; i < 20; i++) assert.equal((await get(gateway, '/pair')).text, 'steady')
  ready = true
  await until('it is back', () => first?.healthy === true)
  await until('it gets requests', async () => (await get(gateway, '/pair')).text === 'starting')
})

test('an upstream that cannot be reached is not tried for a while', async (t) => {
  const upstream = await named(t, 'back')
  await upstream.stop()
  const gateway = await startGateway(t, { things: upstream.url })
  const { breaker } = gateway.deps.routes.upstreams[0] ?? assert.fail('no upstream')
  for (let i = 0; i < 10; i++) assert.equal((await get(gateway)).status, 503)
  assert.equal(breaker.state(Date.now()), 'open')
  const answer = await fetch(`${gateway.url}/api/v1/things`)
  assert.equal(answer.status, 503)
  assert.equal(answer.headers.get('retry-after'), '1')
  await startUpstream(
    t,
    (_request, response) => void response.end('again'),
    Number(new URL(upstream.url).port),
  )
  await until('it is tried again', async () => (await get(gateway)).text === 'again')
  assert.equal(breaker.state(Date.now()), 'closed')
})

test('a 503 of the service itself opens no breaker', async (t) => {
  const unwilling = await named(t, 'not configured', 503)
  const gateway = await startGateway(t, { things: unwilling.url })
  for (let i = 0; i < 30; i++) assert.deepEqual(await get(gateway), { status: 503, text: 'not configured' })
})

test('a drained target gets nothing new, and what is under way goes on', async (t) => {
  const held: (() => void)[] = []
  const one = await startUpstream(t, (request, response) => {
    if (request.url === '/health/ready') return void response.end()
    held.push(() => response.end('one'))
  })
  const gateway = await startGateway(t, { things: one.url })
  const admin = gateway.as('admin')
  const call = get(gateway)
  await until('it is under way', () => held.length === 1)
  const params = { name: 'things' }
  const { body } = await admin.call('drainUpstream', { params, body: { target: one.url } }, 200)
  assert.equal(body.targets[0].state, 'drained')
  assert.equal(body.targets[0].in_flight, 1)
  assert.equal((await get(gateway)).status, 503)
  held[0]?.()
  assert.equal((await call).text, 'one')
  await admin.call('undrainUpstream', { params, body: {} }, 200)
  const again = get(gateway)
  await until('it is back', () => held.length === 2)
  held[1]?.()
  assert.equal((await again).status, 200)
})

test('only administrators see and change upstreams', async (t) => {
  const gateway = await startGateway(t, { things: 'http://127.0.0.1:9' })
  for (const operation of ['listRoutes', 'listUpstreams', 'getStats']) {
    await gateway.with(null).call(operation, {}, 401)
    await gateway.as('ann').call(operation, {}, 403)
    await gateway.as('admin').call(operation, {}, 200)
  }
  const drain = { params: { name: 'things' }, body: {} }
  await gateway.with(null).call('drainUpstream', drain, 401)
  await gateway.as('ann').call('drainUpstream', drain, 403)
  await gateway.as('ann').call('undrainUpstream', drain, 403)
  await gateway.as('admin').call('drainUpstream', { params: { name: 'nothing' }, body: {} }, 404)
  await gateway
    .as('admin')
    .call('drainUpstream', { params: { name: 'things' }, body: { target: 'http://x' } }, 422)
})

test('lists go on where the page before ended', async (t) => {
  const gateway = await startGateway(t)
  const all = (await gateway.as('admin').call('listRoutes', { query: { limit: 200 } }, 200)).body
  assert.equal(all.next_cursor, null)
  const pages: string[] = []
  let cursor: string | undefined
  do {
    const { body } = await gateway
      .as('admin')
      .call('listRoutes', { query: { limit: 2, ...(cursor && { cursor }) } }, 200)
    pages.push(...body.items.map(({ prefix }: { prefix: string }) => prefix))
    cursor = body.next_cursor ?? undefined
  } while (cursor)
  assert.deepEqual(
    pages,
    all.items.map(({ prefix }: { prefix: string }) => prefix),
  )
})
