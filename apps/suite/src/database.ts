import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { databaseUrl, type ServiceManifest } from '@ait/kit'
import type { Logger } from 'pino'
import postgres from 'postgres'
import type { Environment } from './environment.ts'
import { countWithin } from './frequency.ts'
import { logFolder, rotate } from './log-files.ts'
import { runningPostgres, startPostgres, type Postgres } from './postgres/index.ts'
import { errorCode, Trouble } from './trouble.ts'

/** The databases' server: ours, or one that was given. */
export interface DatabaseServer {
  /** The environment with `POSTGRES_URL` in it. */
  env: Environment
  stop(): Promise<void>
}

/** PostgreSQL itself rarely dies; when it does more often than this within `periodMs`, something else is wrong. */
const mostRestarts = 3
const periodMs = 10 * 60_000

const oldestVersion = 150_000
const serverWithinMs = 10_000
/** 57P03: it is starting up. */
const comingCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNRESET',
  'CONNECT_TIMEOUT',
  '57P03',
])

/** Whether any of the services needs the embedded PostgreSQL. */
const needsEmbedded = (manifests: readonly ServiceManifest[], env: Environment): boolean =>
  !env['POSTGRES_URL'] &&
  manifests.some(
    ({ name, database }) =>
      database !== null && !env[`${name.toUpperCase().replaceAll('-', '_')}_DATABASE_URL`],
  )

/**
 * Gives the services their PostgreSQL: the embedded one, unless `POSTGRES_URL` or each service's own
 * `<NAME>_DATABASE_URL` names another.
 * @param onLost is called when the embedded one is gone for good.
 */
export async function openDatabaseServer(
  manifests: readonly ServiceManifest[],
  env: Environment,
  dataDir: string,
  { say, log, onLost }: { say(line: string): void; log: Logger; onLost(error: unknown): void },
): Promise<DatabaseServer> {
  if (!needsEmbedded(manifests, env)) {
    if (env['POSTGRES_URL']) await checkServer(env['POSTGRES_URL'], say)
    return { env, stop: async () => {} }
  }
  const folder = join(dataDir, 'postgres')
  const running = runningPostgres(folder)
  if (running) return { env: { ...env, POSTGRES_URL: running }, stop: async () => {} }
  const logFile = join(logFolder(dataDir), 'postgres.log')
  const start = async (): Promise<Postgres> => {
    rotate(logFile)
    return startPostgres({ dataDir: folder, port: portSetByHand(env), logFile, log: say })
  }
  let current = await start()
  const countLosses = countWithin(periodMs)
  const watch = (): void => {
    void current.lost
      .then(async () => {
        const losses = countLosses()
        log.error({ losses }, 'PostgreSQL has ended unexpectedly')
        await current.stop()
        if (losses > mostRestarts) throw new Trouble(`PostgreSQL keeps ending: see ${logFile}.`)
        current = await start()
        watch()
      })
      .catch(onLost)
  }
  watch()
  return { env: { ...env, POSTGRES_URL: current.url }, stop: () => current.stop() }
}

function portSetByHand(env: Environment): number | undefined {
  if (!env['POSTGRES_PORT']) return undefined
  const port = Number(env['POSTGRES_PORT'])
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new Trouble(`POSTGRES_PORT is ${env['POSTGRES_PORT']}: it has to be a port number.`)
}

/** Waits for a server that is still starting, as in containers, and looks at its version. */
async function checkServer(url: string, say: (line: string) => void): Promise<void> {
  const where = URL.parse(url)?.host
  if (!where)
    throw new Trouble('POSTGRES_URL is no address: it has to be like postgres://user:password@host:5432.')
  const deadline = Date.now() + serverWithinMs
  for (let told = false; ; told = true) {
    const sql = postgres(databaseUrl(url, 'postgres'), { max: 1, connect_timeout: 5, onnotice: () => {} })
    try {
      const [row] = await sql<
        { version: number }[]
      >`select current_setting('server_version_num')::int as version`
      if ((row?.version ?? 0) >= oldestVersion) return
      throw new Trouble(`PostgreSQL at ${where} is too old: the suite needs 15 or newer.`)
    } catch (error) {
      const isComing = comingCodes.has(errorCode(error) ?? '')
      if (isComing && Date.now() < deadline) {
        if (!told) say(`Waiting for PostgreSQL at ${where}.`)
        await sleep(500)
        continue
      }
      if (error instanceof Trouble) throw error
      throw new Trouble(
        `PostgreSQL at ${where} cannot be used (${(error as Error).message}): check POSTGRES_URL.`,
      )
    } finally {
      await sql.end()
    }
  }
}
