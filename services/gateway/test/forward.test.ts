import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { until } from '@ait/testing'
import { collect, deadUrl, exchangeRaw, startGateway, startUpstream } from './support/gateway.ts'

/** What is only waiting for the garbage collector is not kept. */
function exposeGc(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}

test('the request arrives as it was sent, without what is only for this hop', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, { things: upstream.url })
  const answer = await exchangeRaw(
    gateway.port,
    'GET /api/v1/things/a%20b?q=%C3%A9&x HTTP/1.1\r\nHost: suite.example\r\nAccept: text/x\r\nX-Custom: kept\r\n' +
      'Connection: close, X-Hop\r\nX-Hop: no\r\nTE: trailers\r\nKeep-Alive: 5\r\nProxy-Authorization: no\r\n' +
      'X-User-Id: admin\r\nX_User_Id: admin\r\nX-Forwarded-User: admin\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n\r\n',
  )
  assert.match(answer, /^HTTP\/1\.1 200 /)
  const seen = upstream.seen[0]
  assert.equal(seen?.url, '/api/v1/things/a%20b?q=%C3%A9&x')
  const { traceparent, 'x-request-id': requestId, ...headers } = seen?.headers ?? {}
  assert.deepEqual(headers, {
    host: 'suite.example',
    accept: 'text/x',
    'x-custom': 'kept',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 'suite.example',
  })
  assert.match(String(traceparent), /^00-[\da-f]{32}-[\da-f]{16}-00$/)
  assert.match(answer, new RegExp(`x-request-id: ${String(requestId)}\r\n`))
})

test('a well-formed request id and trace go on, others are replaced', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, { things: upstream.url })
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  await fetch(`${gateway.url}/api/v1/things`, {
    headers: { 'x-request-id': 'order-4711', traceparent: trace },
  })
  await fetch(`${gateway.url}/api/v1/things`, { headers: { 'x-request-id': 'a b', traceparent: 'x' } })
  const [first, second] = upstream.seen
  assert.equal(first?.headers['x-request-id'], 'order-4711')
  assert.match(String(first?.headers['traceparent']), /^00-0af7651916cd43dd8448eb211c80319c-/)
  assert.notEqual(second?.headers['x-request-id'], 'a b')
})

test('a trusted proxy is believed about the client', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, { things: upstream.url, env: { TRUSTED_PROXIES: '127.0.0.0/8' } })
  const headers = {
    'x-forwarded-for': '1.1.1.1, 203.0.113.9',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'suite.example',
  }
  const answer = await fetch(`${gateway.url}/api/v1/things`, { headers })
  const seen = upstream.seen[0]?.headers ?? {}
  assert.equal(seen['x-forwarded-for'], '203.0.113.9')
  assert.equal(seen['x-forwarded-proto'], 'https')
  assert.equal(seen['x-forwarded-host'], 'suite.example')
  assert.match(answer.headers.get('strict-transport-security') ?? '', /max-age=31536000/)
})

test('answers come back byte for byte, in every framing', async (t) => {
  const big = randomBytes(300_000)
  const upstream = await startUpstream(t, (request, response) => {
    if (request.url?.endsWith('/empty')) return void response.writeHead(204).end()
    if (request.url?.endsWith('/cached')) return void response.writeHead(304, { etag: '"a"' }).end()
    if (request.url?.endsWith('/latin'))
      return void response.writeHead(200, { 'content-length': 3 }).end(Buffer.from([0xff, 0x00, 0xe9]))
    if (request.url?.endsWith('/close')) {
      response.socket?.end(Buffer.concat([Buffer.from('HTTP/1.0 200 OK\r\n\r\n'), big]))
      return
    }
    const chunked = request.url?.endsWith('/chunked')
    response.writeHead(200, {
      'set-cookie': ['a=1', 'b=2'],
      ...(!chunked && { 'content-length': big.length }),
    })
    response.end(big)
  })
  const gateway = await startGateway(t, { things: upstream.url })
  const get = (path: string, method = 'GET') => fetch(`${gateway.url}/api/v1/things${path}`, { method })
  for (const path of ['/sized', '/chunked', '/close']) {
    const answer = await get(path)
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), big, path)
    if (path !== '/close') assert.deepEqual(answer.headers.getSetCookie(), ['a=1', 'b=2'])
  }
  assert.deepEqual([...new Uint8Array(await (await get('/latin')).arrayBuffer())], [0xff, 0x00, 0xe9])
  assert.equal((await get('/empty')).status, 204)
  assert.equal((await get('/cached')).headers.get('etag'), '"a"')
  const head = await get('/sized', 'HEAD')
  assert.equal(head.headers.get('content-length'), String(big.length))
  assert.equal(await head.text(), '')
})

test('a large body streams through both ways without being kept', async (t) => {
  const size = 64 * 1024 * 1024
  const piece = randomBytes(1024 * 1024)
  const upstream = await startUpstream(t, (request, response) => {
    const hash = createHash('sha256')
    request.on('data', (chunk: Buffer) => hash.update(chunk))
    request.on('end', () => {
      response.writeHead(200, { 'x-received': hash.digest('hex') })
      Readable.from(pieces()).pipe(response)
    })
  })
  function* pieces() {
    for (let i = 0; i < size / piece.length; i++) yield piece
  }
  const gateway = await startGateway(t, { things: upstream.url })
  const expected = createHash('sha256')
  for (const chunk of pieces()) expected.update(chunk)
  const digest = expected.digest('hex')
  const collectGarbage = exposeGc()
  collectGarbage()
  const before = process.memoryUsage().arrayBuffers
  let peak = 0
  for (const length of [String(size), undefined]) {
    const request = httpRequest(`${gateway.url}/api/v1/things/upload`, {
      method: 'POST',
      headers: length === undefined ? {} : { 'content-length': length },
    })
    Readable.from(pieces()).pipe(request)
    const [response] = await once(request, 'response')
    assert.equal(response.headers['x-received'], digest)
    const received = createHash('sha256')
    let bytes = 0
    for await (const chunk of response) {
      received.update(chunk)
      const piecesBefore = Math.floor(bytes / (8 * piece.length))
      bytes += chunk.length
      if (Math.floor(bytes / (8 * piece.length)) === piecesBefore) continue
      collectGarbage()
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before)
    }
    assert.equal(received.digest('hex'), digest)
  }
  // Freed buffers are counted until they are swept; a body that is kept would show as a whole.
  assert(peak < size * 0.75, `kept ${peak} bytes`)
})

test('a slow reader slows the sender down', async (t) => {
  let written = 0
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(200)
    const fill = (): void => {
      do written += 65_536
      while (response.write(Buffer.alloc(65_536)))
      response.once('drain', fill)
    }
    fill()
  })
  const gateway = await startGateway(t, { things: upstream.url })
  const socket = connect(gateway.port, '127.0.0.1')
  socket.pause()
  socket.write('GET /api/v1/things HTTP/1.1\r\nHost: a\r\n\r\n')
  let last = -1
  await until('the sender has stopped', async () => {
    const stopped = written > 0 && written === last
    last = written
    await new Promise((resolve) => setTimeout(resolve, 100))
    return stopped
  })
  assert(written < 32 * 1024 * 1024, `${written} bytes are on the way`)
  socket.destroy()
})

test('the head and each event of a stream arrive at once', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    steps.push(
      () => response.write('data: one\n\n'),
      () => response.end('data: two\n\n'),
    )
  })
  const steps: (() => void)[] = []
  const gateway = await startGateway(t, { things: upstream.url })
  const answer = await fetch(`${gateway.url}/api/v1/things/events`, {
    headers: { 'accept-encoding': 'gzip' },
  })
  assert.equal(answer.headers.get('content-encoding'), null)
  const reader = answer.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>
  for (const expected of ['data: one\n\n', 'data: two\n\n']) {
    steps.shift()?.()
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), expected)
  }
})

test('when the client goes away the upstream is told', async (t) => {
  const gone = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const upstream = await startUpstream(t, (request) => {
    arrived.resolve()
    request.on('close', () => gone.resolve())
  })
  const gateway = await startGateway(t, { things: upstream.url })
  const abort = new AbortController()
  const call = fetch(`${gateway.url}/api/v1/things`, { signal: abort.signal })
  await arrived.promise
  abort.abort()
  await assert.rejects(call, { name: 'AbortError' })
  await gone.promise
  await until('nothing is in flight', () => gateway.deps.routes.upstreams[0]?.traffic.inFlight === 0)
})

test('an upload that breaks off is not taken for a whole one', async (t) => {
  const result = Promise.withResolvers<string>()
  const upstream = await startUpstream(t, (request) => {
    request.on('error', () => result.resolve('broken off'))
    request.on('end', () => result.resolve('whole'))
    request.resume()
  })
  const gateway = await startGateway(t, { things: upstream.url })
  const socket = connect(gateway.port, '127.0.0.1')
  socket.write('POST /api/v1/things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
  await until('the upstream has it', () => upstream.seen.length === 1)
  socket.destroy()
  assert.equal(await result.promise, 'broken off')
})

test('failures of the upstream are 502, 503 and 504 with a problem', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    if (request.url?.endsWith('/reset')) return void request.socket.destroy()
    if (request.url?.endsWith('/garbage')) return void request.socket.end('nonsense\r\n\r\n')
    if (request.url?.endsWith('/smuggle'))
      return void request.socket.end(
        'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      )
    if (request.url?.endsWith('/header'))
      return void request.socket.end('HTTP/1.1 200 OK\r\nBad Name: x\r\nContent-Length: 0\r\n\r\n')
    void response
  })
  const file = `upstreams:
  - {name: slow, prefix: /slow, targets: ["${upstream.url}"], timeouts: {headers_ms: 300}}
  - {name: dead, prefix: /dead, targets: ["${await deadUrl(t)}"]}`
  const gateway = await startGateway(t, { things: upstream.url, file })
  const problem = async (path: string, method = 'GET') => {
    const answer = await fetch(gateway.url + path, { method })
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    return {
      ...((await answer.json()) as { status: number; code: string }),
      retryAfter: answer.headers.get('retry-after'),
    }
  }
  for (const path of ['/reset', '/garbage', '/smuggle', '/header']) {
    const { status, code } = await problem(`/api/v1/things${path}`, 'POST')
    assert.deepEqual([status, code], [502, 'upstream_failed'], path)
  }
  const late = await problem('/slow/x')
  assert.deepEqual([late.status, late.code], [504, 'upstream_timeout'])
  const dead = await problem('/dead/x')
  assert.deepEqual([dead.status, dead.code, dead.retryAfter], [503, 'upstream_unavailable', '1'])
})

test('a head that cannot be passed on is a 502 also when it comes alone', async (t) => {
  const crashes: unknown[] = []
  const onCrash = (error: unknown): void => void crashes.push(error)
  process.on('uncaughtException', onCrash)
  t.after(() => process.off('uncaughtException', onCrash))
  const heads: Record<string, string> = {
    '/name': 'Bad Name: x',
    '/newline': 'X-A: a\nSet-Cookie: evil=1',
    '/return': 'X-A: a\rSet-Cookie: evil=1',
    '/nul': 'X-A: a\0b',
    '/events': 'Content-Type: text/event-stream\r\nX(a: b',
  }
  const upstream = await startUpstream(t, (request) => {
    const field = heads[(request.url ?? '').replace('/api/v1/things', '')]
    request.socket.write(`HTTP/1.1 200 OK\r\n${field}\r\nTransfer-Encoding: chunked\r\n\r\n`, 'latin1')
  })
  const gateway = await startGateway(t, { things: upstream.url })
  for (const path of Object.keys(heads)) {
    const answer = await fetch(`${gateway.url}/api/v1/things${path}`, { method: 'POST' })
    assert.equal(answer.status, 502, path)
    assert.equal(answer.headers.get('set-cookie'), null)
  }
  assert.deepEqual(crashes, [])
})

test('an upstream of others is not given the session of the suite', async (t) => {
  const upstream = await startUpstream(t)
  const file = `upstreams: [{name: opened, prefix: /opened, targets: ["${upstream.url}"], access: open}]`
  const gateway = await startGateway(t, { file })
  await fetch(`${gateway.url}/opened`, { headers: { cookie: 'theirs=1; ait_session=secret' } })
  await fetch(`${gateway.url}/opened`, { headers: { cookie: 'ait_session=secret' } })
  assert.deepEqual(
    upstream.seen.map(({ headers }) => headers.cookie),
    ['theirs=1', undefined],
  )
})

test('an answer that breaks off in the middle does not look whole', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    response.writeHead(200, request.url?.endsWith('/sized') ? { 'content-length': 100 } : {})
    response.write('half')
    setImmediate(() => request.socket.destroy())
  })
  const gateway = await startGateway(t, { things: upstream.url })
  for (const path of ['/sized', '/chunked'])
    await assert.rejects(
      fetch(`${gateway.url}/api/v1/things${path}`).then((answer) => answer.text()),
      path,
    )
})

test('requests that could be read in two ways are refused and the connection is closed', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, { things: upstream.url })
  const start = 'POST /api/v1/things HTTP/1.1\r\nHost: a\r\n'
  const smuggled = '0\r\n\r\nGET /api/v1/things/smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  const attempts = {
    'CL.TE': `${start}Content-Length: ${smuggled.length}\r\nTransfer-Encoding: chunked\r\n\r\n${smuggled}`,
    'TE.CL': `${start}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${smuggled}`,
    'two lengths': `${start}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
    'length as a list': `${start}Content-Length: 5, 5\r\n\r\nhello`,
    'signed length': `${start}Content-Length: +5\r\n\r\nhello`,
    'space before the colon': `${start}Transfer-Encoding : chunked\r\n\r\n${smuggled}`,
    'unknown coding': `${start}Transfer-Encoding: xchunked\r\n\r\n${smuggled}`,
    'two codings': `${start}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${smuggled}`,
    'folded header': `${start}X-A: b\r\n Content-Length: 5\r\n\r\nhello`,
    'bare carriage return': `${start}X-A: b\rContent-Length: 5\r\n\r\nhello`,
    'no host': 'GET /api/v1/things HTTP/1.1\r\n\r\n',
    'two hosts': `GET /api/v1/things HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /api/v1/things HTTP/1.1\r\nHost: a\r\n\r\n`,
    'a host with a path': 'GET /api/v1/things HTTP/1.1\r\nHost: a/b@c\r\n\r\n',
  }
  for (const [name, text] of Object.entries(attempts)) {
    const answer = await exchangeRaw(gateway.port, text)
    assert.match(answer, /^HTTP\/1\.1 400 /, name)
    assert.equal(answer.split('HTTP/1.1 ').length, 2, `${name}: one answer only`)
    assert.match(answer, /application\/problem\+json/, name)
  }
  assert.deepEqual(upstream.seen, [])
})

test('paths with dot segments are refused', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, { things: upstream.url })
  for (const path of [
    '/api/v1/things/../auth',
    '/api/v1/things/%2e%2e/auth',
    '/api/v1/things/..%2fauth',
    '/api/v1/things\\..\\x',
  ])
    assert.match(
      await exchangeRaw(gateway.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 400 /,
      path,
    )
  assert.deepEqual(upstream.seen, [])
})

test('an absolute address is routed by its path', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, { things: upstream.url })
  const text =
    'GET http://suite.example/api/v1/things/x?y HTTP/1.1\r\nHost: suite.example\r\nConnection: close\r\n\r\n'
  assert.match(await exchangeRaw(gateway.port, text), /^HTTP\/1\.1 200 /)
  assert.equal(upstream.seen[0]?.url, '/api/v1/things/x?y')
})

test('limits of body and headers are kept', async (t) => {
  const upstream = await startUpstream(t)
  const file = `upstreams:
  - {name: small, prefix: /small, targets: ["${upstream.url}"], body_limit_bytes: 10, access: open}`
  const gateway = await startGateway(t, { file })
  const told = await fetch(`${gateway.url}/small`, { method: 'POST', body: 'x'.repeat(11) })
  assert.equal(told.status, 413)
  assert.deepEqual(upstream.seen, [], 'a length that is told is refused before it is sent')
  const untold = await exchangeRaw(
    gateway.port,
    `POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nb\r\n${'x'.repeat(11)}\r\n0\r\n\r\n`,
  )
  assert.match(untold, /^HTTP\/1\.1 413 /)
  const fits = await fetch(`${gateway.url}/small`, { method: 'POST', body: 'x'.repeat(10) })
  assert.equal(fits.status, 200)
  const huge = await exchangeRaw(
    gateway.port,
    `GET /small HTTP/1.1\r\nHost: a\r\nX-A: ${'x'.repeat(20_000)}\r\n\r\n`,
  )
  assert.match(huge, /^HTTP\/1\.1 431 [\s\S]*headers_too_large/)
})

test('100-continue is given only when the body is wanted', async (t) => {
  const upstream = await startUpstream(t)
  const file = `upstreams:
  - {name: closed, prefix: /closed, targets: ["${upstream.url}"], access: token}`
  const gateway = await startGateway(t, { things: upstream.url, file })
  const expecting = (path: string) => {
    const socket = connect(gateway.port, '127.0.0.1')
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
    )
    return socket
  }
  const welcome = expecting('/api/v1/things')
  assert.match(String((await once(welcome, 'data'))[0]), /^HTTP\/1\.1 100 /)
  welcome.write('hello')
  assert.match(await collect(welcome), /^HTTP\/1\.1 200 /)
  assert.match(await collect(expecting('/closed')), /^HTTP\/1\.1 401 /)
})

test('a prefix is stripped when the configuration says so', async (t) => {
  const upstream = await startUpstream(t)
  const file = `upstreams:
  - {name: tool, prefix: /tools/one, strip_prefix: true, targets: ["${upstream.url}"], access: open}`
  const gateway = await startGateway(t, { file })
  for (const path of ['/tools/one', '/tools/one/', '/tools/one/x?y=1']) await fetch(gateway.url + path)
  assert.deepEqual(
    upstream.seen.map((request) => request.url),
    ['/', '/', '/x?y=1'],
  )
})
