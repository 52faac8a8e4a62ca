import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { until } from '@ait/testing'
import { createMemoryTickets } from '../proxy/tickets.ts'
import { collect, deadUrl, exchangeRaw, startGateway, startUpstream } from './support/gateway.ts'

// RFC 6455 §1.3
const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const acceptKey = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

const handshake = (path: string, headers: Record<string, string> = {}) =>
  [
    `GET ${path} HTTP/1.1`,
    'Host: suite.example',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ].join('\r\n')

/** Agrees to WebSockets and sends back what it gets, byte for byte. */
async function echoUpstream(t: TestContext) {
  const upstream = await startUpstream(t, (_request, response) => void response.end('plain'))
  const upgrades: IncomingMessage[] = []
  upstream.server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    upgrades.push(request)
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
    socket.pipe(socket)
    t.after(() => socket.destroy())
  })
  return { ...upstream, upgrades }
}

test('a WebSocket passes through both ways', async (t) => {
  const upstream = await echoUpstream(t)
  const gateway = await startGateway(t, { things: upstream.url })
  const socket = connect(gateway.port, '127.0.0.1')
  // The first frame may come together with the handshake.
  socket.write(handshake('/api/v1/things/live?room=1', { 'X-User-Id': 'admin' }) + 'early')
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  await until('the answer and the early bytes', () => text.endsWith('early'))
  assert.match(text, /^HTTP\/1\.1 101 /)
  assert(text.includes(acceptKey))
  socket.write('hello')
  await until('the echo', () => text.endsWith('earlyhello'))
  const seen = upstream.upgrades[0]
  assert.equal(seen?.url, '/api/v1/things/live?room=1')
  assert.equal(seen?.headers['x-user-id'], undefined)
  assert.equal(seen?.headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(gateway.deps.upgrades.open, 1)
  socket.destroy()
  await until('it is closed', () => gateway.deps.upgrades.open === 0)
})

test('bytes flow only when the upstream agrees', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => void response.end('no sockets here'))
  const gateway = await startGateway(t, { things: upstream.url })
  const smuggled = 'GET /api/v1/things/smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  const answer = await exchangeRaw(gateway.port, handshake('/api/v1/things') + smuggled)
  assert.match(answer, /^HTTP\/1\.1 200 /)
  assert.match(answer, /connection: close/)
  assert.deepEqual(
    upstream.seen.map(({ url }) => url),
    ['/api/v1/things'],
  )
})

test('handshakes that are none are refused', async (t) => {
  const upstream = await echoUpstream(t)
  const file = `upstreams: [{name: dead, prefix: /dead, targets: ["${await deadUrl(t)}"]}]`
  const gateway = await startGateway(t, { things: upstream.url, file })
  const good = handshake('/api/v1/things')
  for (const [text, status] of [
    [good.replace('websocket', 'h2c'), 400],
    [good.replace('13', '8'), 400],
    [good.replace(/Sec-WebSocket-Key.*\r\n/, ''), 400],
    [good.replace('GET', 'POST'), 400],
    [good.replace('/api/v1/things', '/api/v1/things/../x'), 400],
    [good.replace('/api/v1/things', '/nowhere'), 404],
    [good.replace('/api/v1/things', '/dead'), 502],
  ] as const)
    assert.match(await exchangeRaw(gateway.port, text), new RegExp(`^HTTP/1\\.1 ${status} `), text)
  assert.deepEqual(upstream.upgrades, [])
})

test('a ticket opens one WebSocket as the person who asked for it', async (t) => {
  const upstream = await echoUpstream(t)
  const gateway = await startGateway(t, { things: upstream.url })
  const { body } = await gateway.as('ann').call('createTicket', {}, 201)
  assert.equal(body.expires_in, 60)
  await gateway.with(null).call('createTicket', {}, 401)
  const open = (ticket: string) => {
    const socket = connect(gateway.port, '127.0.0.1')
    socket.write(handshake(`/api/v1/things?ticket=${ticket}&room=1`))
    return socket
  }
  const socket = open(body.ticket)
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 101 /)
  socket.destroy()
  const seen = upstream.upgrades[0]
  assert.equal(seen?.url, '/api/v1/things?room=1', 'the ticket goes no further')
  const { authorization = '' } = seen?.headers ?? {}
  const claims = JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString())
  assert.equal(claims.email, 'ann@example.com')
  assert.match(await collect(open(body.ticket)), /^HTTP\/1\.1 401 /)
  assert.match(await collect(open('made-up')), /^HTTP\/1\.1 401 /)
})

test('a ticket is good for a minute', async () => {
  let now = 0
  const tickets = createMemoryTickets(() => now)
  const first = await tickets.issue('token')
  const second = await tickets.issue('token')
  now = 59_999
  assert.equal(await tickets.redeem(first), 'token')
  now = 60_000
  assert.equal(await tickets.redeem(second), undefined)
})

test('open WebSockets do not keep the gateway from stopping', async (t) => {
  const upstream = await echoUpstream(t)
  const gateway = await startGateway(t, { things: upstream.url })
  const socket = connect(gateway.port, '127.0.0.1')
  socket.write(handshake('/api/v1/things'))
  await once(socket, 'data')
  const closed = once(socket, 'close')
  await gateway.service.stop()
  await closed
})
