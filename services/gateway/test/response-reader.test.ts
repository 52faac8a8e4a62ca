import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError, ResponseReader } from '../proxy/response-reader.ts'

interface Read {
  status: number
  headers: string[]
  length: number
  body: string
  ended: boolean
}

/** Reads a response in pieces of `size` bytes; `closed` also ends the connection. */
function read(text: string, { method = 'GET', size = Infinity, closed = false } = {}) {
  const reader = new ResponseReader()
  const result: Read = { status: 0, headers: [], length: NaN, body: '', ended: false }
  reader.expect(method, {
    onHead: (status, headers, length) => void Object.assign(result, { status, headers, length }),
    onBody: (chunk) => void (result.body += chunk.toString('latin1')),
    onEnd: () => void (result.ended = true),
  })
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at += size)
    reader.read(bytes.subarray(at, Math.min(bytes.length, at + size)))
  if (closed) reader.end()
  return { ...result, reader }
}

const cases: [name: string, text: string, body: string, options?: { method?: string; closed?: boolean }][] = [
  ['a body with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
  [
    // RFC 9112 §7.1: sizes are hexadecimal, extensions and trailers may be there
    'a chunked body',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;name=value\r\n0123456789\r\n0\r\nX-Trailer: x\r\n\r\n',
    'hello0123456789',
  ],
  ['a body until the end of the connection', 'HTTP/1.1 200 OK\r\n\r\nhello', 'hello', { closed: true }],
  ['no body after HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', '', { method: 'HEAD' }],
  ['no body with 204', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
  ['no body with 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', ''],
  [
    'interim answers',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'ok',
  ],
]

for (const [name, text, body, options] of cases)
  test(`reads ${name}, wherever the packets are cut`, () => {
    for (let size = 1; size <= text.length; size++) {
      const result = read(text, { ...options, size })
      assert.equal(result.body, body, `in pieces of ${size}`)
      assert.equal(result.ended, true, `in pieces of ${size}`)
    }
  })

test('hop-by-hop headers end here, those named in Connection too (RFC 9110 §7.6.1)', () => {
  const { headers, reader } = read(
    'HTTP/1.1 200 OK\r\nConnection: close, X-Secret\r\nX-Secret: s\r\nKeep-Alive: timeout=9\r\nServer: s\r\n' +
      'X-Powered-By: p\r\nX-Kept: \t a b \t\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n',
  )
  assert.deepEqual(headers, [
    'X-Kept',
    'a b',
    'Set-Cookie',
    'a=1',
    'Set-Cookie',
    'b=2',
    'Content-Length',
    '0',
  ])
  assert.equal(reader.reusable, false)
  assert.equal(reader.keepAliveSeconds, 9)
})

const wrong: [string, string][] = [
  ['both lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
  ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
  ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ['a status out of range', 'HTTP/1.1 999 ?\r\n\r\n'],
  ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ['a header without a name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n'],
  ['a header without a colon', 'HTTP/1.1 200 OK\r\nnonsense\r\nA: b\r\n\r\n'],
  ['a chunk size that is no number', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
  [
    'a chunk that is longer than its size',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n',
  ],
  ['a bare line feed', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nab\n0\n\n'],
  ['more than the response', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n'],
  ['a head without end', `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(70_000)}`],
]

for (const [name, text] of wrong)
  test(`refuses ${name}`, () => assert.throws(() => read(text), ProtocolError))

test('a response that is cut short is an error', () => {
  assert.throws(
    () => read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel', { closed: true }),
    ProtocolError,
  )
  assert.throws(
    () => read('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', { closed: true }),
    ProtocolError,
  )
  assert.throws(() => read('HTTP/1.1 20', { closed: true }), ProtocolError)
})
