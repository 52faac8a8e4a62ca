import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestService, type TestService } from '@ait/testing'
import { newDeps, notes, type Deps } from './fixtures/notes/service.ts'
import { openWire, parseAnswer } from './wire.ts'

let service: TestService
let url: string
let token: string
before(async () => {
  service = await startTestService(notes, { env: { REQUEST_TIMEOUT_MS: '300' } })
  url = await service.service.listen(0, '127.0.0.1')
  token = await service.authority.tokenFor('ann')
})
after(() => service.stop())

const base = '/api/v1/kitnotes'
const deps = (): Deps => service.service.deps
const get = (path: string, init: RequestInit = {}) =>
  fetch(url + path, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } })
const head = (method: string, path: string, lines: string[] = []): string =>
  [`${method} ${path} HTTP/1.1`, 'host: x', `authorization: Bearer ${token}`, ...lines, '', ''].join('\r\n')

test('headers that are too large answer 431 as a problem', async () => {
  const wire = await openWire(url)
  wire.send(head('GET', `${base}/notes`, [`x-large: ${'x'.repeat(20_000)}`]))
  const { status, head: lines, body } = parseAnswer(await wire.rest())
  assert.equal(status, 431)
  assert.match(lines, /content-type: application\/problem\+json/)
  assert.equal(body.code, 'headers_too_large')
})

test('what is not HTTP answers 400 as a problem', async () => {
  for (const text of [
    'HELLO\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
  ]) {
    const wire = await openWire(url)
    wire.send(text)
    const { status, body } = parseAnswer(await wire.rest())
    assert.equal(status, 400)
    assert.equal(body.code, 'malformed_request')
  }
})

test('a JSON body that dawdles is cut off with 408', async () => {
  const wire = await openWire(url)
  wire.send(
    head('POST', `${base}/echo`, ['content-type: application/json', 'content-length: 20']) + '{"text":',
  )
  const { status, head: lines, body } = parseAnswer(await wire.rest())
  assert.equal(status, 408)
  assert.equal(body.code, 'request_timeout')
  assert.match(lines, /connection: close/)
})

test('an upload may take longer than that', async () => {
  const wire = await openWire(url)
  deps().arrived = Promise.withResolvers<void>()
  wire.send(
    head('POST', `${base}/upload`, [
      'content-type: application/octet-stream',
      'content-length: 6',
      'connection: close',
    ]) + 'abc',
  )
  await deps().arrived.promise
  // Another one is cut off meanwhile: the time for JSON is over.
  const other = await openWire(url)
  other.send(head('POST', `${base}/echo`, ['content-type: application/json', 'content-length: 20']) + '{')
  assert.equal(parseAnswer(await other.rest()).status, 408)
  wire.send('def')
  const { status, body } = parseAnswer(await wire.rest())
  assert.equal(status, 200)
  assert.deepEqual(body, { size: 6 })
})

test('a chunked body is limited too', async () => {
  const wire = await openWire(url)
  wire.send(head('POST', `${base}/echo`, ['content-type: application/json', 'transfer-encoding: chunked']))
  const chunk = `${(100_000).toString(16)}\r\n${' '.repeat(100_000)}\r\n`
  for (let i = 0; i < 11; i++) wire.send(chunk)
  assert.equal(parseAnswer(await wire.rest()).status, 413)
})

test('an address that is not well encoded answers 400', async () => {
  for (const path of [`${base}/notes/%zz`, `${base}/notes/%`, '/%E0%A4%A']) {
    const wire = await openWire(url)
    wire.send(head('GET', path, ['connection: close']))
    const { status, head: lines, body } = parseAnswer(await wire.rest())
    assert.equal(status, 400, path)
    assert.equal(body.code, 'bad_url')
    assert.match(lines, /x-request-id: /)
  }
})

test('another method answers 405 and says which are there; another path 404', async () => {
  const other = await get(`${base}/notes`, { method: 'PUT' })
  assert.equal(other.status, 405)
  assert.equal(other.headers.get('allow'), 'GET, HEAD, POST')
  assert.equal(((await other.json()) as { code: string }).code, 'method_not_allowed')
  const one = await get(`${base}/notes/01890a5d-ac96-774b-bcce-b302099a8057`, { method: 'POST' })
  assert.equal(one.headers.get('allow'), 'GET, HEAD, PATCH, DELETE')
  for (const path of [
    '/nowhere',
    `${base}/nowhere`,
    `${base}/notes/1/2/3/4`,
    `${base}/notes/${'x'.repeat(600)}`,
  ]) {
    const missing = await get(path)
    assert.equal(missing.status, 404, path)
    assert.match(missing.headers.get('content-type') ?? '', /problem\+json/)
  }
})

test('a trailing slash makes no difference', async () => {
  assert.equal((await get(`${base}/notes/`)).status, 200)
  assert.equal((await get(`${base}/notes/`, { method: 'PUT' })).status, 405)
})

test('HEAD answers like GET, without the body', async () => {
  const full = await get(`${base}/notes`)
  const bare = await get(`${base}/notes`, { method: 'HEAD' })
  assert.equal(bare.status, 200)
  assert.equal(bare.headers.get('content-length'), full.headers.get('content-length'))
  assert.equal(await bare.text(), '')
  assert.equal((await fetch(`${url}${base}/notes`, { method: 'HEAD' })).status, 401)
})

test('a wildcard takes the rest of the path, and no more than the path', async () => {
  const answer = await get(`${base}/files/a/b%20c/../d`)
  assert.deepEqual(await answer.json(), { path: 'a/d' })
  const wire = await openWire(url)
  wire.send(head('GET', `${base}/files/a/../../b%2Fc`, ['connection: close']))
  assert.deepEqual(parseAnswer(await wire.rest()).body, { path: 'a/../../b/c' })
})

test('a client that hangs up does not stop the work, nor the service', async () => {
  const before = newDeps()
  Object.assign(deps(), before)
  const controller = new AbortController()
  const asking = get(`${base}/wait`, { signal: controller.signal }).catch((error: Error) => error.name)
  await before.arrived.promise
  controller.abort()
  assert.equal(await asking, 'AbortError')
  before.gate.resolve()
  assert.equal((await get(`${base}/notes`)).status, 200)
})

test('two requests on one connection do not mix', async () => {
  const wire = await openWire(url)
  const body = JSON.stringify({ text: 'first' })
  const post =
    head('POST', `${base}/echo`, ['content-type: application/json', `content-length: ${body.length}`]) + body
  wire.send(post + head('GET', `${base}/who`, ['connection: close']))
  const text = await wire.rest()
  assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 2)
  assert.ok(text.indexOf('"first"') < text.indexOf('"kind":"user"'))
})
