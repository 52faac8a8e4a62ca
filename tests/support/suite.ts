import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseUrl } from '@ait/kit'
import { testServer, until } from '@ait/testing'
import postgres from 'postgres'
import { root } from '../../scripts/manifests.ts'

export type Shape = 'together' | 'apart'
export const services = ['auth', 'gateway', 'storage'] as const
export type Name = (typeof services)[number]

export interface Suite {
  url(service: Name): string
  /** URL of a service's database. */
  database(service: Name): string
  serviceToken: string
  /** Starts what `kill` or `halt` ended, on the same data. */
  start(service?: Name): Promise<void>
  /** kill -9, of the one process or of a service's own. */
  kill(service?: Name): Promise<void>
  /** SIGTERM, and waits for the end; resolves to the exit code. */
  halt(service?: Name): Promise<number | null>
  stop(): Promise<void>
}

/** Starts the suite as people run it, in processes of its own, on ports and databases of its own. */
export async function startSuite(shape: Shape, extra: Record<string, string> = {}): Promise<Suite> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ait-suite-'))
  const ports = new Map<Name, number>()
  for (const name of services) ports.set(name, await freePort())
  const suffix = randomBytes(4).toString('hex')
  const database = (name: Name): string => databaseUrl(testServer(), `suite_${name}_${suffix}`)
  const serviceToken = randomBytes(32).toString('base64url')
  const url = (name: Name): string => `http://127.0.0.1:${ports.get(name)}`
  const env = {
    ...process.env,
    NODE_ENV: 'test',
    LOG_LEVEL: 'info',
    JWT_SECRET_KEY: randomBytes(32).toString('base64url'),
    SERVICE_AUTH_TOKEN: serviceToken,
    HOST: '127.0.0.1',
    DATABASE_POOL_SIZE: '4',
    EVENT_RETRY_BASE_MS: '50',
    AUTH_HASH_MEMORY_KIB: '256',
    AUTH_HASH_PASSES: '1',
    POSTGRES_URL: testServer(),
    // Apart, replicas share limits by Redis, where there is one.
    ...(shape === 'apart' && process.env['TEST_REDIS_URL'] && { REDIS_URL: process.env['TEST_REDIS_URL'] }),
    ...Object.fromEntries(services.map((name) => [`${name.toUpperCase()}_PORT`, String(ports.get(name))])),
    ...Object.fromEntries(services.map((name) => [`${name.toUpperCase()}_DATABASE_URL`, database(name)])),
    ...extra,
  }
  // Apart, each process has a folder of its own, as a container would; only storage keeps files in it.
  const groups: readonly (readonly Name[])[] =
    shape === 'together' ? [services] : services.map((name) => [name])
  const running = new Map<string, ChildProcess>()
  const groupOf = (name?: Name): readonly Name[] =>
    groups.find((group) => !name || group.includes(name)) as readonly Name[]

  const start = async (group: readonly Name[]): Promise<void> => {
    const key = group.join()
    const folder = shape === 'together' ? dataDir : join(dataDir, key)
    running.set(key, await launch(group, { ...env, DATA_DIR: folder }, url))
  }
  const end = async (group: readonly Name[], signal: NodeJS.Signals): Promise<number | null> => {
    const child = running.get(group.join())
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const exited = once(child, 'exit')
    child.kill(signal)
    const [code] = (await exited) as [number | null]
    return code
  }
  for (const group of groups) await start(group)
  return {
    url,
    database,
    serviceToken,
    start: (name) => start(groupOf(name)),
    kill: async (name) => void (await end(groupOf(name), 'SIGKILL')),
    halt: (name) => end(groupOf(name), 'SIGTERM'),
    async stop() {
      for (const group of groups.toReversed()) await end(group, 'SIGTERM')
      const sql = postgres(databaseUrl(testServer(), 'postgres'), { max: 1, onnotice: () => {} })
      for (const name of services)
        await sql.unsafe(`drop database if exists "suite_${name}_${suffix}" with (force)`)
      await sql.end()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function launch(
  group: readonly Name[],
  env: NodeJS.ProcessEnv,
  url: (name: Name) => string,
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(root, 'apps/suite/src/start.ts'), ...group], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)))
  for (const name of group) {
    await until(
      `${name} to be healthy`,
      async () => {
        if (child.exitCode !== null)
          throw new Error(`${group.join(' ')} ended with ${child.exitCode}:\n${output}`)
        const answer = await fetch(`${url(name)}/health/ready`).catch(() => null)
        return answer?.status === 200
      },
      30_000,
    ).catch((error: Error) => {
      child.kill('SIGKILL')
      throw new Error(`${error.message}\n${output}`)
    })
  }
  return child
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
