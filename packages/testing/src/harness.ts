import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createDirectory,
  createLog,
  pathOf,
  startService,
  type Environment,
  type Platform,
  type Pool,
  type RunningService,
  type ServiceInfo,
  type ServiceManifest,
} from '@ait/kit'
import { createTestAuthority, type TestAuthority } from './authority.ts'
import { cloneDatabase } from './database.ts'
import type { Persona } from './personas.ts'

export interface CallOptions {
  params?: Record<string, string>
  query?: Record<string, unknown>
  body?: unknown
  headers?: Record<string, string>
}

export interface Answer {
  status: number
  body: any
  headers: Record<string, any>
  raw: Buffer
}

/** Somebody who calls the service. */
export interface Caller {
  /** Calls an operation by its name. With `expected`, any other status fails the test, body shown. */
  call(operation: string, options?: CallOptions, expected?: number): Promise<Answer>
}

export interface TestService {
  service: RunningService
  sql: Pool
  authority: TestAuthority
  /** A signed-in persona; `claims` override those of the token. */
  as(persona: Persona, claims?: Record<string, unknown>): Caller
  /** A caller with this bearer token, or with none. */
  with(token: string | null): Caller
  /** Another part of the suite. */
  asService(): Caller
  /** Data of the events that were published, oldest first. */
  events(type: string): Promise<any[]>
  stop(): Promise<void>
}

export const testServiceToken = 'test-service-token-0123456789abcdefghijklmnop'

/** Environment of a service under test. */
export const testEnv = (): Environment => ({
  NODE_ENV: 'test',
  JWT_SECRET_KEY: 'test-jwt-key-0123456789abcdefghijklmnopqrst',
  SERVICE_AUTH_TOKEN: testServiceToken,
  DATABASE_POOL_SIZE: '4',
  EVENT_RETRY_BASE_MS: '20',
  EVENT_MAX_ATTEMPTS: '4',
  LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'fatal',
})

export interface TestOptions {
  env?: Environment
  /** Other services that this one may find. */
  services?: readonly ServiceInfo[]
  running?: ReadonlyMap<string, RunningService>
  /** Trust the real auth service among `running` instead of the test's own issuer. */
  authority?: TestAuthority | 'auth'
  now?: () => Date
  /** Where the service writes its log; default: nowhere but for what is fatal. */
  log?: Platform['log']
}

/** Starts the real service on a clone of its migrated database. Stop it in `after`. */
export async function startTestService(
  manifest: ServiceManifest,
  options: TestOptions = {},
): Promise<TestService> {
  const authority =
    options.authority && options.authority !== 'auth' ? options.authority : await createTestAuthority()
  const dataDir = await mkdtemp(join(tmpdir(), `ait-${manifest.name}-`))
  const variable = `${manifest.name.toUpperCase().replaceAll('-', '_')}_DATABASE_URL`
  const env = { ...testEnv(), ...options.env }
  const platform = (url: string): Platform => ({
    env: { ...env, [variable]: url },
    log: options.log ?? createLog(env['LOG_LEVEL'] as string),
    dataDir,
    services: createDirectory(options.services ?? [], options.running ?? new Map(), env),
    now: options.now ?? (() => new Date()),
    ...(options.authority !== 'auth' && { authority }),
    checkAnswers: true,
  })
  const database = manifest.database === null ? null : await clone(manifest, platform)
  const service = await startService(manifest, platform(database?.url ?? ''))
  const callers = callersOf(service, authority)
  return {
    service,
    sql: service.runtime.sql,
    authority,
    ...callers,
    events: async (type) =>
      (await service.runtime.sql`select data from kit.events where type = ${type} order by id`).map(
        (row) => row['data'],
      ),
    async stop() {
      await service.stop()
      await database?.drop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

const kitMigrations = join(import.meta.dirname, '../../kit/src/db/migrations')

function clone(manifest: ServiceManifest, platform: (url: string) => Platform) {
  const folders = [kitMigrations, join(manifest.folder, 'db/migrations')]
  return cloneDatabase(manifest.name, folders, async (url) => {
    const { setup: _setup, mount: _mount, ...bare } = manifest
    await (await startService(bare, platform(url))).stop()
  })
}

function callersOf(service: RunningService, authority: TestAuthority) {
  const withToken = (token: string | null | Promise<string>): Caller => ({
    call: async (operation, options, expected) => send(service, await token, operation, options, expected),
  })
  return {
    as: (persona: Persona, claims?: Record<string, unknown>) =>
      withToken(authority.tokenFor(persona, claims)),
    with: (token: string | null) => withToken(token),
    asService: () => withToken(testServiceToken),
  }
}

async function send(
  service: RunningService,
  token: string | null,
  name: string,
  options: CallOptions = {},
  expected?: number,
): Promise<Answer> {
  const operation = service.manifest.contract.operations[name]
  assert(operation, `no operation ${name}`)
  const path = pathOf(service.manifest.contract, operation).replace(/:(\w+)/g, (_, key: string) =>
    encodeURIComponent(options.params?.[key] ?? `missing-${key}`),
  )
  const isRaw =
    options.body === undefined || options.body instanceof Uint8Array || typeof options.body === 'string'
  const answer = await service.app.inject({
    method: operation.method,
    url: path,
    query: options.query as never,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(!isRaw && { 'content-type': 'application/json' }),
      ...options.headers,
    },
    payload: (isRaw ? options.body : JSON.stringify(options.body)) as never,
  })
  const type = String(answer.headers['content-type'] ?? '')
  const body = type.includes('json') && answer.payload ? JSON.parse(answer.payload) : answer.payload
  if (expected !== undefined)
    assert.equal(answer.statusCode, expected, `${name} answered ${answer.statusCode}: ${answer.payload}`)
  return { status: answer.statusCode, body, headers: answer.headers, raw: answer.rawPayload }
}
