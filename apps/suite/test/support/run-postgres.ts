// A process of its own that starts PostgreSQL and waits to be killed: `run-postgres.ts <folder>`.
import { startPostgres } from '../../src/postgres/server.ts'

const { url } = await startPostgres({ dataDir: process.argv[2] as string })
process.stdout.write(`${url}\n`)
setInterval(() => {}, 60_000)
