import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lockHolder, takeLock } from '../../../../bin/process-lock.mjs'
import { tryPort, whoListens } from '../ports.ts'
import { Trouble } from '../trouble.ts'
import { program } from './binaries.ts'
import { ensureCluster, explainFailure, readPassword, superuser } from './cluster.ts'
import { homeOf, pointTo, prepareHome, type Home } from './home.ts'
import { clearPostmaster, readPostmaster } from './postmaster.ts'

export interface PostgresOptions {
  /** Folder of the cluster, as `.data/postgres`. Made on first use. */
  dataDir: string
  /** Port set by hand. Otherwise the one it had before, else the first free one from 15432. */
  port?: number | undefined
  maxConnections?: number
  /** File that PostgreSQL's own log is appended to; default `server.log` in `dataDir`. */
  logFile?: string
  /** Tells the person at the terminal what is going on. */
  log?(line: string): void
  /** Server settings beside those of `spawnServer`, as `{ fsync: 'off' }` for tests. */
  settings?: Record<string, string>
}

export interface Postgres {
  /** Of the administrator, without a database name. */
  url: string
  port: number
  /** Resolves when PostgreSQL has ended without being asked to. */
  lost: Promise<void>
  stop(): Promise<void>
}

type Options = PostgresOptions & Required<Pick<PostgresOptions, 'log' | 'logFile'>>

const firstPort = 15432
const host = '127.0.0.1'
const startMs = 60_000
const shutdownMs = 60_000

/**
 * Starts the PostgreSQL that comes with the suite, on data that it makes on first use and takes up
 * again afterwards, also after a crash.
 * @throws Trouble with what to do, when it cannot; nothing is left running then.
 */
export async function startPostgres(given: PostgresOptions): Promise<Postgres> {
  const options = { logFile: join(given.dataDir, 'server.log'), log: () => {}, ...given }
  const home = prepareHome(options.dataDir, options.log)
  const lock = takeLock(join(home.path, 'lock'))
  if (lock.heldBy !== undefined) {
    throw new Trouble(`The database in ${home.path} is in use by process ${lock.heldBy}: stop that first.`)
  }
  try {
    if (existsSync(home.dataDir)) await clearPostmaster(home.dataDir, options.log)
    const password = await ensureCluster(home, options.log)
    pointTo(home, options.dataDir)
    const { server, port } = await launchOnPort(home, options)
    writeFileSync(join(home.path, 'port'), `${port}\n`)
    const ended = once(server, 'exit')
    let asked = false
    return {
      url: urlOf(password, port),
      port,
      lost: ended.then(() => (asked ? new Promise<void>(() => {}) : undefined)),
      async stop() {
        asked = true
        await shutDown(server, ended)
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

const urlOf = (password: string, port: number): string =>
  `postgres://${superuser}:${password}@${host}:${port}`

/** The URL of a PostgreSQL that another process has started on these data; undefined when none runs. */
export function runningPostgres(dataDir: string): string | undefined {
  if (!existsSync(dataDir)) return undefined
  const path = homeOf(dataDir)
  if (lockHolder(join(path, 'lock')) === undefined || !readPostmaster(join(path, 'data'))?.ready)
    return undefined
  return urlOf(readPassword(path), Number(readFileSync(join(path, 'port'), 'utf8')))
}

async function choosePort(home: Home, options: Options): Promise<number> {
  const memory = join(home.path, 'port')
  if (options.port !== undefined) {
    if ((await tryPort(options.port, host)) === undefined) return options.port
    const who = whoListens(options.port)
    throw new Trouble(
      `Port ${options.port} for PostgreSQL is taken${who ? ` by ${who}` : ''}: stop that, or set POSTGRES_PORT to another.`,
    )
  }
  const before = existsSync(memory) ? Number(readFileSync(memory, 'utf8')) : firstPort
  for (const port of [before, ...Array.from({ length: 100 }, (_, i) => firstPort + i)]) {
    if ((await tryPort(port, host)) !== undefined) continue
    if (port !== before) options.log(`Port ${before} is taken: PostgreSQL uses ${port}.`)
    return port
  }
  throw new Trouble(`No free port for PostgreSQL from ${firstPort} on: set POSTGRES_PORT.`)
}

/** Somebody took the port after it was found free. */
class PortTaken extends Trouble {}

async function launchOnPort(home: Home, options: Options): Promise<{ server: ChildProcess; port: number }> {
  for (;;) {
    const port = await choosePort(home, options)
    try {
      return { server: await launch(home, port, options), port }
    } catch (error) {
      if (!(error instanceof PortTaken) || options.port !== undefined) throw error
    }
  }
}

async function launch(home: Home, port: number, options: Options): Promise<ChildProcess> {
  const deadline = Date.now() + startMs
  for (;;) {
    const before = statSync(options.logFile, { throwIfNoEntry: false })?.size ?? 0
    const server = spawnServer(home, port, options)
    if (await isReady(server, home, deadline)) return server
    const output = readFileSync(options.logFile).subarray(before).toString()
    if (/Address already in use/.test(output)) throw new PortTaken(`Port ${port} for PostgreSQL is taken.`)
    // Connections of a killed PostgreSQL take a moment to notice that it is gone.
    const leftOvers = /pre-existing shared memory block/.test(output)
    if (!leftOvers || Date.now() > deadline)
      throw explainFailure(output, home.path, 'PostgreSQL did not start')
    await sleep(200)
  }
}

function spawnServer(home: Home, port: number, options: Options): ChildProcess {
  const { account } = home
  const settings = {
    listen_addresses: host,
    unix_socket_directories: '',
    max_connections: String(options.maxConnections ?? 400),
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %q%d ',
    cluster_name: 'ait-suite',
    ...options.settings,
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  mkdirSync(dirname(options.logFile), { recursive: true })
  const log = openSync(options.logFile, 'a', 0o600)
  const server = spawn(
    program(home.binaries, 'postgres'),
    ['-D', home.dataDir, '-p', String(port), ...args],
    {
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      stdio: ['ignore', log, log],
      // Its own process group: Ctrl-C is for the suite, which stops PostgreSQL when its own work is done.
      detached: true,
      ...(account && { uid: account.uid, gid: account.gid }),
    },
  )
  closeSync(log)
  return server
}

/** Waits until it takes connections; false when it ended instead. */
async function isReady(server: ChildProcess, home: Home, deadline: number): Promise<boolean> {
  const { promise: failed, reject } = Promise.withResolvers<never>()
  server.once('error', reject)
  while (server.exitCode === null && server.signalCode === null) {
    const found = readPostmaster(home.dataDir)
    if (found?.pid === server.pid && found?.ready) return true
    if (Date.now() > deadline) {
      server.kill('SIGQUIT')
      throw new Trouble(`PostgreSQL on ${home.dataDir} is not ready after ${startMs / 1000} s: see its log.`)
    }
    await Promise.race([sleep(10), failed])
  }
  return false
}

async function shutDown(server: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  // SIGINT is PostgreSQL's fast shutdown: it ends connections and writes everything to disk.
  server.kill('SIGINT')
  const late = setTimeout(() => server.kill('SIGQUIT'), shutdownMs)
  await ended
  clearTimeout(late)
}
