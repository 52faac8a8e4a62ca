import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, kitConfig, newId, readConfig, startService, T, type Environment } from '@ait/kit'
import { testEnv } from '@ait/testing'
import { readServiceConfig, serviceTokensOf } from '../src/config.ts'
import { notes } from './fixtures/notes/service.ts'

const own = T.Object({
  NOTES_LIMIT: T.Integer({ default: 10, minimum: 1, description: 'A number' }),
  NOTES_RATIO: T.Number({ default: 0.5, description: 'A ratio' }),
  NOTES_ON: T.Boolean({ default: false, description: 'A switch' }),
  NOTES_MODE: T.Enum(['fast', 'safe'], { default: 'safe', description: 'A choice' }),
  NOTES_URL: T.Optional(T.String({ format: 'uri', description: 'An address' })),
})
const strong = {
  JWT_SECRET_KEY: 'q9Zr2Lx8Vb4Nw7Ty1Km5Hg3Fd6Sa0PoIuYtReWq',
  SERVICE_AUTH_TOKEN: 'Qw3Er5Ty7Ui9Op1As2Df4Gh6Jk8Lz0XcVbNmMnBv',
}

const faults = (env: Environment): string[] => {
  try {
    readServiceConfig(own, env)
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message.split('\n')
  }
}

test('defaults are typed', () => {
  const config = readServiceConfig(own, strong)
  const { NOTES_LIMIT, NOTES_RATIO, NOTES_ON, NOTES_MODE, DATABASE_POOL_SIZE, BODY_LIMIT_BYTES, PUBLIC_URL } =
    config
  assert.deepEqual(
    { NOTES_LIMIT, NOTES_RATIO, NOTES_ON, NOTES_MODE, DATABASE_POOL_SIZE, BODY_LIMIT_BYTES, PUBLIC_URL },
    {
      NOTES_LIMIT: 10,
      NOTES_RATIO: 0.5,
      NOTES_ON: false,
      NOTES_MODE: 'safe',
      DATABASE_POOL_SIZE: 8,
      BODY_LIMIT_BYTES: 1_048_576,
      PUBLIC_URL: 'http://localhost:8001',
    },
  )
})

test('what is set is typed, and an empty variable counts as not set', () => {
  const config = readConfig(own, {
    NOTES_LIMIT: '20',
    NOTES_RATIO: '0.25',
    NOTES_ON: 'true',
    NOTES_MODE: 'fast',
    NOTES_URL: '',
  })
  assert.deepEqual(config, { NOTES_LIMIT: 20, NOTES_RATIO: 0.25, NOTES_ON: true, NOTES_MODE: 'fast' })
  assert.equal(readConfig(own, { NOTES_LIMIT: '' }).NOTES_LIMIT, 10)
})

test('every wrong variable is named in one message, without its value', () => {
  const found = faults({
    JWT_SECRET_KEY: 'hunter2',
    NOTES_LIMIT: '0',
    NOTES_RATIO: 'much',
    NOTES_ON: 'yes',
    NOTES_MODE: 'slow',
    NOTES_URL: 'not an address',
    EVENT_MAX_ATTEMPTS: '0',
  })
  assert.deepEqual(found.toSorted(), [
    'EVENT_MAX_ATTEMPTS must be >= 1',
    'JWT_SECRET_KEY must NOT have fewer than 32 characters',
    'NOTES_LIMIT must be >= 1',
    'NOTES_MODE must be one of fast, safe',
    'NOTES_ON must be boolean',
    'NOTES_RATIO must be number',
    'NOTES_URL must match format "uri"',
    'SERVICE_AUTH_TOKEN is not set',
  ])
  assert.ok(!found.join().includes('hunter2'))
})

test('production refuses secrets that are known or simple, and names both', () => {
  const env = { NODE_ENV: 'production', ...strong }
  assert.deepEqual(faults(env), [])
  const weak = [
    'change-me-in-production-please-now-ok',
    'a'.repeat(40),
    'abcabcabcabcabcabcabcabcabcabcabcabcabc',
    'my-super-secret-value-0123456789-abcdef',
  ]
  for (const value of weak) {
    const found = faults({ ...env, JWT_SECRET_KEY: value, SERVICE_AUTH_TOKEN: value })
    assert.equal(found.length, 2, value)
    assert.match(found.join('\n'), /^JWT_SECRET_KEY .*\nSERVICE_AUTH_TOKEN /)
    assert.deepEqual(faults({ ...env, NODE_ENV: 'development', JWT_SECRET_KEY: value }), [])
  }
  assert.equal(
    faults({ ...env, SERVICE_AUTH_TOKEN: `${strong.SERVICE_AUTH_TOKEN},${'b'.repeat(40)}` }).length,
    1,
  )
})

test('a service token that no header could carry is refused', () => {
  for (const token of [
    'short',
    'with space 0123456789 abcdefghijklmnop',
    'dollar$0123456789abcdefghijklmnopqrstuv',
    `${strong.SERVICE_AUTH_TOKEN},short`,
    `${strong.SERVICE_AUTH_TOKEN},`,
  ]) {
    const found = faults({ ...strong, SERVICE_AUTH_TOKEN: token })
    assert.match(found.join(), /^SERVICE_AUTH_TOKEN must be: /, token)
  }
  const config = readServiceConfig(kitConfig, {
    ...strong,
    SERVICE_AUTH_TOKEN: `${strong.SERVICE_AUTH_TOKEN} , ${strong.JWT_SECRET_KEY}`,
  })
  assert.deepEqual(serviceTokensOf(config), [strong.SERVICE_AUTH_TOKEN, strong.JWT_SECRET_KEY])
})

test('every variable of the kit says what it is for', () => {
  for (const [name, schema] of Object.entries(kitConfig.properties))
    assert.ok((schema as { description?: string }).description, name)
})

test('a service with a wrong environment does not start, nor does one without a database', async () => {
  const platform = (env: Environment) => ({
    env,
    log: { child: () => ({}) } as never,
    dataDir: '',
    services: { all: [] } as never,
    now: () => new Date(),
  })
  await assert.rejects(startService(notes, platform({})), ConfigError)
  await assert.rejects(
    startService(notes, platform(testEnv())),
    /kitnotes needs a database: set POSTGRES_URL or KITNOTES_DATABASE_URL/,
  )
})

test('a manifest that says something twice does not start', async () => {
  const platform = { env: testEnv() } as never
  const [job] = notes.jobs ?? []
  const on = { type: 'a.b.c.v1', handler: async () => {} }
  await assert.rejects(
    startService({ ...notes, jobs: [job, job] as never }, platform),
    /kitnotes: two jobs are named note-job/,
  )
  await assert.rejects(
    startService({ ...notes, subscriptions: [on, on] }, platform),
    /kitnotes: two handlers for a\.b\.c\.v1/,
  )
  await assert.rejects(startService({ ...notes, database: null }, platform), /kitnotes: jobs need a database/)
})

test('ids are UUIDv7, and sort in the order in which they were made', () => {
  const ids = Array.from({ length: 20_000 }, newId)
  assert.deepEqual(ids, ids.toSorted())
  assert.equal(new Set(ids).size, ids.length)
  for (const id of ids.slice(0, 100))
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  const ms = Number.parseInt((ids[0] as string).replaceAll('-', '').slice(0, 12), 16)
  assert.ok(Math.abs(ms - Date.now()) < 5000)
})
