import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { until } from '@ait/testing'
import { startGateway, startUpstream } from './support/gateway.ts'

const url = process.env['TEST_REDIS_URL']
const skip = url === undefined ? 'TEST_REDIS_URL is not set: redis-server is not installed' : false

async function startTwo(t: TestContext, redisUrl: string, limit: number) {
  const upstream = await startUpstream(t)
  const env = { REDIS_URL: redisUrl, GATEWAY_RATE_ADDRESS_PER_MINUTE: String(limit) }
  const gateways = [
    await startGateway(t, { things: upstream.url, env }),
    await startGateway(t, { things: upstream.url, env }),
  ] as const
  const get = (i: 0 | 1) => fetch(`${gateways[i].url}/api/v1/things`)
  const shared = gateways.map(({ deps }) => deps.shared ?? assert.fail('no Redis'))
  for (const { deps } of gateways)
    await until('a connection to Redis', () => deps.tickets.issue('').catch(() => null))
  return {
    gateways,
    get,
    exchange: async () => void (await Promise.all(shared.map((counts) => counts.exchange()))),
  }
}

test('replicas count together', { skip }, async (t) => {
  const limit = 20
  const { get, exchange } = await startTwo(t, url as string, limit)
  const first = await get(0)
  const left = Number(first.headers.get('ratelimit-remaining'))
  for (let i = 0; i < left - 2; i++) assert.equal((await get(0)).status, 200)
  await exchange()
  // The other learns of a key when it has counted that key itself.
  assert.equal((await get(1)).status, 200)
  await exchange()
  const statuses = [(await get(1)).status, (await get(1)).status]
  assert(statuses.includes(429), `${statuses}`)
})

test('a ticket of one replica is good at the other, once', { skip }, async (t) => {
  const { gateways } = await startTwo(t, url as string, 1000)
  const ticket = await gateways[0].deps.tickets.issue('token')
  assert.equal(await gateways[1].deps.tickets.redeem(ticket), 'token')
  assert.equal(await gateways[0].deps.tickets.redeem(ticket), undefined)
})

test('when Redis dies requests go on at once, counted by each replica', { skip }, async (t) => {
  const port = await freePort()
  const redis = spawn('redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  })
  t.after(() => redis.kill('SIGKILL'))
  const { gateways, get } = await startTwo(t, `redis://127.0.0.1:${port}`, 5)
  await get(0)
  redis.kill('SIGKILL')
  await once(redis, 'exit')
  const start = performance.now()
  assert.equal((await get(0)).status, 200)
  assert.equal((await get(1)).status, 200)
  assert(performance.now() - start < 1000)
  const statuses: number[] = []
  for (let i = 0; i < 6; i++) statuses.push((await get(0)).status)
  assert(statuses.includes(429), 'each still counts for itself')
  await gateways[0].as('ann').call('createTicket', {}, 503)
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
