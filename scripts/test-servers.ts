import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPostgres } from '../apps/suite/src/postgres/index.ts'

export interface TestServer {
  /** Variables by which the tests find it. */
  env: Record<string, string>
  /** Rejects when the server ends before it is stopped. */
  lost: Promise<never>
  stop(): Promise<void>
}

/** A new PostgreSQL for one test run. Nothing in it has to survive, so it does not wait for the disk. */
export async function startTestPostgres(): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ait-test-postgres-'))
  const clean = (): Promise<void> => rm(dataDir, { recursive: true, force: true })
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
  try {
    const server = await startPostgres({ dataDir, port: await freePort(), settings })
    return {
      env: { TEST_POSTGRES_URL: server.url },
      lost: server.lost.then(() => Promise.reject(new Error('PostgreSQL ended while the tests ran'))),
      async stop() {
        await server.stop()
        await clean()
      },
    }
  } catch (error) {
    await clean()
    throw error
  }
}

/** Redis for one test run; undefined where `redis-server` is not installed. */
export async function startTestRedis(): Promise<TestServer | undefined> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const server = spawn('redis-server', options, { stdio: 'ignore', cwd: tmpdir(), detached: true })
  const ended = once(server, 'exit')
  let asked = false
  const lost = ended.then(() =>
    asked ? new Promise<never>(() => {}) : Promise.reject(new Error('redis-server ended on its own')),
  )
  await Promise.race([untilTaken(port), lost])
  return {
    env: { TEST_REDIS_URL: `redis://127.0.0.1:${port}` },
    lost,
    async stop() {
      asked = true
      server.kill()
      await ended
    },
  }
}

async function untilTaken(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const taken = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (taken) return
    await sleep(10)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
