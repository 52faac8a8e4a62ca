import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { databaseUrl, ensureDatabase } from '@ait/kit'
import postgres from 'postgres'
import { duel } from '../duel.ts'
import type { Target } from '../load.ts'
import type { Bench, Part } from '../part.ts'
import { freePort, memoryMib, startServer, type Server } from '../process.ts'
import { atLeast, below, duelHead, duelRow, type Report } from '../report.ts'

const here = import.meta.dirname
const newNote = { title: 'Call the client', body: 'About the renewal of the policy', done: false }
const json = { 'content-type': 'application/json' }

/** One side: the server, and its three routes. */
interface Side {
  server: Server
  health: Target
  insert: Target
  read: Target
}

/** Of the requests per second of the same route on FastAPI. */
const targets = { health: 3, read: 3, insert: 2 } as const

/** A route of a service of the kit against the same on FastAPI: one process each, one PostgreSQL. */
export const stackPart = (route: keyof typeof targets): Part => ({
  name: route,
  missing: missingPeer,
  async run(bench): Promise<Report> {
    const sides: Side[] = []
    try {
      sides.push(await startOurs(bench))
      sides.push(await startFastapi(bench))
      const [ours, peer] = sides as [Side, Side]
      const result = await duel(ours[route], peer[route], bench.folder)
      const memory = sides.map(({ server }) => `${memoryMib(server.pid).now.toFixed(0)} MiB`)
      const ratio = result.ours.requestsPerSecond / result.peer.requestsPerSecond
      return {
        title: `${route}: a service of the kit against FastAPI (memory ${memory.join(' and ')})`,
        table: [duelHead, duelRow(route, result)],
        verdicts: [
          atLeast('requests/s, ours to theirs', ratio, targets[route]),
          below('p99', result.ours.p99Ms, result.peer.p99Ms, 'ms'),
        ],
      }
    } finally {
      for (const { server } of sides) await server.stop()
    }
  },
})

/** Debian's packages belong to Debian's Python, which need not be the first on the path. */
function findPython(): string | undefined {
  const imports = 'import fastapi, uvicorn, uvloop, httptools, asyncpg'
  const works = (python: string): boolean => spawnSync(python, ['-c', imports]).status === 0
  return ['/usr/bin/python3', 'python3'].find(works)
}

const missingPeer = (): string | undefined =>
  findPython()
    ? undefined
    : 'python3-fastapi python3-uvicorn python3-uvloop python3-httptools python3-asyncpg'

async function startOurs({ folder, postgres: server }: Bench): Promise<Side> {
  const port = await freePort()
  const started = await startServer([process.execPath, join(here, '../service/start.ts')], {
    port,
    logFile: join(folder, 'service.log'),
    env: {
      PORT: String(port),
      DATA_DIR: folder,
      POSTGRES_URL: server,
      DATABASE_POOL_SIZE: '10',
      JWT_SECRET_KEY: 'bench-0123456789abcdefghijklmnopqrstuvwxyz',
      SERVICE_AUTH_TOKEN: 'bench-token-0123456789abcdefghijklmnopqrst',
    },
  })
  const headers = { authorization: `Bearer ${(started.told as { token: string }).token}` }
  return sideOf(started, `http://127.0.0.1:${port}`, '/api/v1/bench/notes', headers)
}

async function startFastapi({ folder, postgres: server }: Bench): Promise<Side> {
  const url = databaseUrl(server, 'bench_fastapi')
  await ensureDatabase(url)
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await sql`drop table if exists notes`
  await sql.file(join(here, '../service/db/migrations/0001_init.sql'))
  await sql.end()
  const port = await freePort()
  const options = ['--loop', 'uvloop', '--http', 'httptools', '--workers', '1', '--port', String(port)]
  const started = await startServer([findPython() as string, '-m', 'uvicorn', 'app:app', ...options], {
    port,
    cwd: join(here, '../peers/fastapi'),
    logFile: join(folder, 'fastapi.log'),
    env: { DATABASE_URL: url, PYTHONDONTWRITEBYTECODE: '1' },
  })
  return sideOf(started, `http://127.0.0.1:${port}`, '/notes', {})
}

/** Inserts the row that is read, which also shows that both sides answer alike. */
async function sideOf(
  server: Server,
  origin: string,
  path: string,
  headers: Record<string, string>,
): Promise<Side> {
  const { pid } = server
  const body = JSON.stringify(newNote)
  const insert: Target = { url: origin + path, pid, method: 'POST', headers: { ...headers, ...json }, body }
  const answer = await fetch(insert.url, { method: 'POST', headers: { ...headers, ...json }, body })
  const row = (await answer.json()) as Record<string, unknown>
  const read = await fetch(`${insert.url}/${String(row['id'])}`, { headers })
  const { title, done } = (await read.json()) as Record<string, unknown>
  if (answer.status !== 201 || title !== newNote.title || done !== newNote.done)
    throw new Error(`${origin} does not do what is measured: ${answer.status} ${JSON.stringify(row)}`)
  return {
    server,
    health: { url: `${origin}/health`, pid },
    insert,
    read: { url: `${insert.url}/${String(row['id'])}`, pid, headers },
  }
}
