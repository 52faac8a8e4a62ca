// A process of its own that starts PostgreSQL and waits to be killed: `run-postgres.ts <folder>`.
import { join } from 'node:path'
import { startPostgres } from '../../src/postgres/server.ts'

const folder = process.argv[2] as string
const { url } = await startPostgres({ folder, logFile: join(folder, '../postgres.log'), say: () => {} })
process.stdout.write(`${url}\n`)
setInterval(() => {}, 60_000)
