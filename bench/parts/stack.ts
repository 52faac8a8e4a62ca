import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { databaseUrl, ensureDatabase } from '@ait/kit'
import postgres from 'postgres'
import { duel } from '../duel.ts'
import type { Target } from '../load.ts'
import { startOurs } from '../ours.ts'
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
      sides.push(await startKit(bench))
      sides.push(await startFastapi(bench))
      const [ours, peer] = sides as [Side, Side]
      const result = await duel(ours[route], peer[route], bench.folder)
      const memory = sides.map(({ server }) => `${memoryMib(server.pid).now.toFixed(0)} MiB`)
      return {
        title: `${route}: a service of the kit against FastAPI (memory ${memory.join(' and ')})`,
        table: [duelHead, duelRow(route, result)],
        verdicts: [
          atLeast('requests/s, ours to theirs', result.ratio, targets[route]),
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

async function startKit(bench: Bench): Promise<Side> {
  const { server, service, headers } = await startOurs(bench)
  return sideOf(server, service, '/api/v1/bench/notes', headers)
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

async function sideOf(
  server: Server,
  origin: string,
  path: string,
  headers: Record<string, string>,
): Promise<Side> {
  const { pid } = server
  const url = origin + path
  const body = JSON.stringify(newNote)
  return {
    server,
    health: { url: `${origin}/health`, pid },
    insert: { url, pid, method: 'POST', headers: { ...headers, ...json }, body },
    read: { url: `${url}/${await insertNote(url, headers)}`, pid, headers },
  }
}

/** Inserts a note and reads it again, so that nothing is measured that does not work; resolves to its id. */
export async function insertNote(url: string, headers: Record<string, string>): Promise<string> {
  const body = JSON.stringify(newNote)
  const answer = await fetch(url, { method: 'POST', headers: { ...headers, ...json }, body })
  const { id } = (await answer.json()) as { id: string }
  const found = await fetch(`${url}/${id}`, { headers })
  const { title, body: text, done } = (await found.json()) as typeof newNote
  if (answer.status !== 201 || JSON.stringify({ title, body: text, done }) !== body)
    throw new Error(`${url} does not do what is measured: ${answer.status}, ${found.status}`)
  return id
}
