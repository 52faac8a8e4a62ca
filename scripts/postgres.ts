import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../apps/suite/src/postgres/index.ts'

/** Runs work on the PostgreSQL of `TEST_POSTGRES_URL`, or on one started just for it. */
export async function withPostgres<T>(work: (url: string) => Promise<T>): Promise<T> {
  const given = process.env['TEST_POSTGRES_URL']
  if (given) return work(given)
  const dataDir = await mkdtemp(join(tmpdir(), 'ait-postgres-'))
  const server = await startPostgres({ dataDir } as never)
  try {
    return await work(server.url)
  } finally {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}
