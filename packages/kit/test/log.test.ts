import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { createLog } from '@ait/kit'
import { personas, startTestService, until, type TestService } from '@ait/testing'
import { newDeps, notes } from './fixtures/notes/service.ts'

let service: TestService
let lines: string[] = []
before(async () => {
  const log = createLog('info', { write: (line: string) => void lines.push(line) })
  service = await startTestService(notes, { log })
})
after(() => service.stop())
beforeEach(() => {
  lines = []
})

const requests = (): any[] => lines.map((line) => JSON.parse(line)).filter((line) => line.msg === 'request')
const written = (log: (to: ReturnType<typeof createLog>) => void): any => {
  const out: string[] = []
  log(createLog('info', { write: (line: string) => void out.push(line) }))
  assert.equal(out.length, 1)
  return JSON.parse(out[0] as string)
}

test('each request is one line, with request id, person and operation', async () => {
  const { body } = await service
    .as('ann')
    .call('createNote', { body: { title: 'A' }, headers: { 'x-request-id': 'request-1' } })
  await service.as('ann').call('getNote', { params: { id: body.id } })
  await service.with(null).call('getNote', { params: { id: body.id } })
  const [created, read, refused] = requests()
  const { time: _, ms, ...rest } = created
  assert.deepEqual(rest, {
    level: 'info',
    service: 'kitnotes',
    request_id: 'request-1',
    operation: 'createNote',
    method: 'POST',
    path: '/notes',
    status: 201,
    user_id: personas.ann.id,
    msg: 'request',
  })
  assert.equal(typeof ms, 'number')
  assert.equal(read.path, '/notes/:id')
  assert.equal(refused.status, 401)
  assert.equal(refused.user_id, undefined)
  assert.equal(requests().length, 3)
})

test('a request id that is well formed is echoed, any other is replaced', async () => {
  const ask = async (id?: string): Promise<string> =>
    (await service.as('ann').call('onlyUser', { headers: id === undefined ? {} : { 'x-request-id': id } }))
      .headers['x-request-id']
  for (const id of ['abcdefgh', '01890a5d-ac96-774b-bcce-b302099a8057', 'a.b:c_d-1', 'x'.repeat(128)])
    assert.equal(await ask(id), id)
  for (const id of [
    undefined,
    '',
    'short',
    'x'.repeat(129),
    'with space 1',
    '<script>alert',
    'a"b"c"d"e"f',
    '{"level":"x"}',
  ])
    assert.match(await ask(id), /^[0-9a-f-]{36}$/)
  const missing = await service.service.app.inject({
    url: '/nowhere',
    headers: { 'x-request-id': 'on-a-404' },
  })
  assert.equal(missing.headers['x-request-id'], 'on-a-404')
  const failed = await service
    .as('ann')
    .call('failInside', { query: { how: 'throw' }, headers: { 'x-request-id': 'on-a-500' } })
  assert.equal(failed.headers['x-request-id'], 'on-a-500')
})

test('a client that hung up leaves its line too', async () => {
  const deps = newDeps()
  Object.assign(service.service.deps, deps)
  const url = await service.service.listen(0, '127.0.0.1')
  const controller = new AbortController()
  const token = await service.authority.tokenFor('ann')
  const asking = fetch(`${url}/api/v1/kitnotes/wait`, {
    headers: { authorization: `Bearer ${token}` },
    signal: controller.signal,
  }).catch(() => {})
  await deps.arrived.promise
  controller.abort()
  await asking
  const [line] = await until('the line', () => (requests().length > 0 ? requests() : undefined))
  assert.equal(line.status, 499)
  assert.equal(line.operation, 'wait')
  deps.gate.resolve()
  await service.as('ann').call('onlyUser')
  assert.equal(requests().length, 2)
})

test('an error inside is logged with its request, and says nothing outside', async () => {
  for (const how of ['throw', 'sql', 'object', 'nothing']) {
    lines = []
    const answer = await service
      .as('ann')
      .call('failInside', { query: { how }, headers: { 'x-request-id': `inside-${how}` } }, 500)
    assert.deepEqual(answer.body, {
      type: 'urn:ait:problem:internal',
      title: 'Internal Server Error',
      status: 500,
      detail: 'Something went wrong on our side; the request id helps to find it',
      code: 'internal',
    })
    assert.match(answer.headers['content-type'], /problem\+json/)
    const error = lines.map((line) => JSON.parse(line)).find((line) => line.level === 'error')
    assert.equal(error?.request_id, `inside-${how}`, how)
    assert.equal(error?.operation, 'failInside')
    const text = lines.join('')
    assert.ok(!text.includes('hunter2') && !text.includes('abc.def'), text)
  }
})

test('the code of a database error stays readable', async () => {
  await service.as('ann').call('failInside', { query: { how: 'sql' } }, 500)
  const error = lines.map((line) => JSON.parse(line)).find((line) => line.level === 'error')
  assert.equal(error.err.code, '42P01')
  assert.match(error.err.stack, /table_with_a_secret_name/)
})

test('secrets are redacted by name, at every depth', () => {
  const names = [
    'password',
    'new_password',
    'token',
    'access_token',
    'refreshToken',
    'client_secret',
    'Authorization',
    'set-cookie',
    'x-share-token',
    'JWT_SECRET_KEY',
    'SERVICE_AUTH_TOKEN',
    'api_key',
    'otp',
    'totp',
    'recovery_codes',
    'privateKey',
  ]
  for (const name of names) {
    const line = written((log) =>
      log.info({ [name]: 'hunter2', a: { [name]: ['hunter2'], b: [{ [name]: { c: 'hunter2' } }] } }, 'x'),
    )
    assert.ok(!JSON.stringify(line).includes('hunter2'), name)
    assert.equal(line[name], '[redacted]')
  }
  assert.equal(written((log) => log.info({ body: { code: '123456' } }, 'x')).body.code, '[redacted]')
  for (const code of ['ECONNREFUSED', '23505', 'not_found', 'FST_ERR_BAD_URL'])
    assert.equal(written((log) => log.info({ code }, 'x')).code, code)
})

test('secrets are redacted in errors: message, stack, cause, properties', () => {
  const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'
  const cause = Object.assign(new Error(`token ait_abc123 of ${jwt}`), {
    config: { headers: { Authorization: 'Bearer hunter2' } },
  })
  const error = Object.assign(
    new Error('GET postgres://ait:hunter2@db:5432/x with bearer hunter2', { cause }),
    {
      request: { body: { password: 'hunter2', note: 'Bearer hunter2' } },
      code: 'ECONNRESET',
    },
  )
  for (const log of [
    written((to) => to.error(error)),
    written((to) => to.error({ err: error })),
    written((to) => to.error({ err: error }, 'failed')),
    written((to) => to.child({ a: 1 }).warn({ deep: { error } }, 'failed')),
  ]) {
    const text = JSON.stringify(log)
    for (const secret of ['hunter2', 'ait_abc123', jwt]) assert.ok(!text.includes(secret), text)
    assert.ok(text.includes('ECONNRESET') && text.includes('postgres://ait:[redacted]@db:5432/x'))
    assert.match(text, /log\.test\.ts/)
  }
})

test('odd values do no harm to the log', () => {
  const circle: Record<string, unknown> = { a: 1 }
  circle['self'] = circle
  const line = written((log) =>
    log.info(
      {
        circle,
        at: new Date(0),
        nothing: null,
        none: undefined,
        big: 5n.toString(),
        list: [1, { password: 'x' }],
      },
      'odd',
    ),
  )
  assert.equal(line.circle.a, 1)
  assert.equal(line.at, '1970-01-01T00:00:00.000Z')
  assert.deepEqual(line.list, [1, { password: '[redacted]' }])
})
