import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestService, type Caller, type TestService } from '@ait/testing'
import { notes } from './fixtures/notes/service.ts'

let service: TestService
let ann: Caller
let token: string
before(async () => {
  service = await startTestService(notes, { env: { BODY_LIMIT_BYTES: '200000' } })
  ann = service.as('ann')
  token = await service.authority.tokenFor('ann')
})
after(() => service.stop())

const echo = (body: unknown, expected?: number) => ann.call('echo', { body }, expected)
const json = { 'content-type': 'application/json' }
const raw = (text: string | Buffer, headers: Record<string, string> = json) =>
  ann.call('echo', { body: text, headers })
const places = (answer: { body: any }): string[] =>
  answer.body.errors.map((error: { loc: unknown[] }) => error.loc.join('.')).toSorted()

test('unknown fields are named, at every depth', async () => {
  const answer = await echo({ colour: 'red', hue: 1, inner: { deep: [{ n: 1, m: 2 }], more: 1 } }, 422)
  assert.deepEqual(places(answer), ['body.hue', 'body.inner.deep.0.m', 'body.inner.more'])
  for (const { loc, msg, type } of answer.body.errors) {
    assert.ok(Array.isArray(loc))
    assert.equal(msg, 'is not a known field')
    assert.equal(type, 'additionalProperties')
  }
  const { type, title, status, code, detail } = answer.body
  assert.deepEqual(
    { type, title, status, code },
    {
      type: 'urn:ait:problem:invalid',
      title: 'Unprocessable Content',
      status: 422,
      code: 'invalid',
    },
  )
  assert.equal(typeof detail, 'string')
})

test('a body is not coerced', async () => {
  for (const body of [
    { count: '5' },
    { flag: 'true' },
    { text: 5 },
    { list: 'a' },
    { count: 1.5 },
    { flag: 1 },
    { text: null },
  ])
    assert.equal((await echo(body, 422)).body.errors.length, 1, JSON.stringify(body))
  for (const text of ['[]', '"x"', '5', 'null', 'true']) assert.equal((await raw(text)).status, 422, text)
})

test('a query is text, and is coerced', async () => {
  const answer = await ann.call('readQuery', { query: { count: '5', flag: 'true', tags: 'one' } }, 200)
  assert.deepEqual(answer.body, { count: 5, flag: true, tags: ['one'] })
  for (const query of [
    { count: 'five' },
    { count: '' },
    { flag: 'maybe' },
    { other: '1' },
    { count: ['1', '2'] },
  ])
    await ann.call('readQuery', { query }, 422)
  assert.deepEqual(places(await ann.call('readQuery', { query: { count: 'five' } }, 422)), ['query.count'])
})

test('what is missing is named with type `missing`', async () => {
  const answer = await ann.call('createNote', { body: {} }, 422)
  assert.deepEqual(answer.body.errors, [{ loc: ['body', 'title'], msg: 'is required', type: 'missing' }])
  assert.equal(answer.body.detail, 'body.title: is required')
})

test('enumerations say what they allow; a wrong date is one error', async () => {
  const colour = await echo({ colour: 'blue' }, 422)
  assert.deepEqual(colour.body.errors, [
    { loc: ['body', 'colour'], msg: 'must be one of red, green', type: 'enum' },
  ])
  for (const when of ['yesterday', '2026-02-30T00:00:00Z', '2026-01-28T10:00:00', '', 5])
    assert.equal((await echo({ when }, 422)).body.errors.length, 1, String(when))
  await echo({ when: null }, 200)
  await echo({ when: '2026-01-28T10:00:00.123+01:00' }, 200)
})

test('what is not JSON answers 400, an empty body 422', async () => {
  for (const text of ['{', 'hello', '{"text": "a"} x', "{'text': 1}", '\u0000']) {
    const answer = await raw(text)
    assert.equal(answer.status, 400, text)
    assert.equal(answer.body.code, 'invalid_json')
  }
  const empty = await raw('')
  assert.equal(empty.status, 422)
  assert.deepEqual(empty.body.errors, [{ loc: ['body'], msg: 'is empty', type: 'missing' }])
  const none = await ann.call('echo')
  assert.equal(none.status, 422)
})

test('an operation without a body takes an empty one', async () => {
  await ann.call('ping', { body: '', headers: json }, 204)
  await ann.call('ping', {}, 204)
})

test('another content type answers 415 and says which one to send', async () => {
  const types = [
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'nonsense',
  ]
  for (const type of types) {
    const answer = await raw('{}', { 'content-type': type })
    assert.equal(answer.status, 415, type)
    assert.equal(answer.body.code, 'unsupported_media_type')
    assert.match(answer.body.detail, /application\/json/)
  }
  for (const type of ['application/json; charset=utf-8', 'APPLICATION/JSON'])
    assert.equal((await raw('{}', { 'content-type': type })).status, 200, type)
  assert.equal((await ann.call('importForm', { body: '{}', headers: json })).status, 415)
  const form = { 'content-type': 'Multipart/Form-Data; boundary=x' }
  assert.deepEqual((await ann.call('importForm', { body: 'abc', headers: form }, 200)).body, { size: 3 })
  assert.deepEqual((await ann.call('upload', { body: '{"a":1}', headers: json }, 200)).body, { size: 7 })
})

test('too large a body answers 413, announced or not', async () => {
  const large = JSON.stringify({ text: 'x'.repeat(200_001) })
  const announced = await raw(large)
  assert.equal(announced.status, 413)
  assert.equal(announced.body.code, 'too_large')
  assert.match(announced.body.detail, /200000 bytes/)
  assert.equal((await raw(JSON.stringify({ text: 'x'.repeat(199_000) }))).status, 200)
})

test('somebody without a token may send less where anybody may ask', async () => {
  const body = { text: 'x'.repeat(70_000) }
  const refused = await service.with(null).call('echoToAnybody', { body }, 413)
  assert.match(refused.body.detail, /65536 bytes/)
  await service.with('forged').call('echoToAnybody', { body }, 413)
  await ann.call('echoToAnybody', { body }, 200)
})

test('text that PostgreSQL cannot keep answers 400, wherever it stands', async () => {
  const bodies = [
    '{"text":"a\\u0000b"}',
    '{"text":"\\ud800"}',
    '{"open":{"a\\u0000":1}}',
    '{"any":[["\\udc00x"]]}',
  ]
  for (const body of bodies) {
    const answer = await raw(body)
    assert.equal(answer.status, 400, body)
    assert.equal(answer.body.code, 'invalid_text')
  }
  const latin1 = await raw(Buffer.from('{"text":"caf\xe9"}', 'latin1'))
  assert.equal(latin1.body.code, 'invalid_text')
  assert.deepEqual((await raw('{"text":"\\ud83d\\ude00"}')).body, { text: '😀' })
  const query = await service.service.app.inject({
    url: '/api/v1/kitnotes/notes?title=a%00b',
    headers: { authorization: `Bearer ${token}` },
  })
  assert.equal(query.statusCode, 400)
})

test('prototypes cannot be reached', async () => {
  for (const text of [
    '{"__proto__":{"admin":true}}',
    '{"open":{"__proto__":{"x":1}}}',
    '{"constructor":{"prototype":{"x":1}}}',
  ]) {
    const answer = await raw(text)
    assert.ok([400, 422].includes(answer.status), `${text} ${answer.status}`)
  }
  assert.equal(({} as any).x, undefined)
  assert.equal(({} as any).admin, undefined)
  await ann.call('readQuery', { query: { ['__proto__']: 'x', count: '1' } })
  assert.equal(
    (
      await service.service.app.inject({
        url: '/api/v1/kitnotes/query?__proto__=x&constructor=y',
        headers: { authorization: `Bearer ${token}` },
      })
    ).statusCode,
    422,
  )
})

test('deep nesting answers 400 and does no harm', async () => {
  const deep = `{"any":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
  const answer = await raw(deep)
  assert.equal(answer.status, 400)
  assert.equal(answer.body.code, 'too_deep')
  assert.equal((await raw(`{"any":${'['.repeat(40)}${']'.repeat(40)}}`)).status, 200)
})

test('huge arrays and long names give a short answer', async () => {
  const many = await echo({ list: Array.from({ length: 50_000 }, () => 1) }, 422)
  assert.ok(many.body.errors.length <= 20)
  assert.ok(many.raw.length < 5000)
  const name = 'n'.repeat(100_000)
  const long = await echo({ [name]: 1 }, 422)
  assert.ok(long.raw.length < 1000)
})

test('a field name is shown as it is', async () => {
  const answer = await echo({ 'a/b~c': 1, '7': 2 }, 422)
  assert.deepEqual(places(answer), ['body.7', 'body.a/b~c'])
})

test('a bad id answers 422 and names the parameter', async () => {
  for (const id of [
    '1',
    'x',
    "'; drop table notes; --",
    '01890a5d-ac96-774b-bcce-b302099a805',
    'ffffffff-ffff-ffff-ffff-fffffffffffg',
  ]) {
    const answer = await ann.call('getNote', { params: { id } })
    assert.equal(answer.status, 422, id)
    assert.deepEqual(answer.body.errors[0].loc, ['path', 'id'])
  }
})

test('a value that fits the schema and no column is the caller’s fault', async () => {
  for (const value of ['99999999999', 'many', '-2147483649']) {
    const answer = await ann.call('failInside', { query: { how: 'cast', value } })
    assert.equal(answer.status, 400, value)
    assert.equal(answer.body.code, 'invalid_value')
  }
})

test('a stranger’s body is not even read: 401 comes before 415, 413 and 422', async () => {
  const nobody = service.with(null)
  await nobody.call('echo', { body: { hue: 1 } }, 401)
  await nobody.call('echo', { body: 'x', headers: { 'content-type': 'text/plain' } }, 401)
  await nobody.call('echo', { body: JSON.stringify({ text: 'x'.repeat(300_000) }), headers: json }, 401)
})
