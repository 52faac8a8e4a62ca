import { startTestPostgres } from './test-servers.ts'

/** Runs work on the PostgreSQL of `TEST_POSTGRES_URL`, or on one started just for it. */
export async function withPostgres<T>(work: (url: string) => Promise<T>): Promise<T> {
  const given = process.env['TEST_POSTGRES_URL']
  if (given) return work(given)
  const server = await startTestPostgres()
  try {
    return await work(server.env['TEST_POSTGRES_URL'] as string)
  } finally {
    await server.stop()
  }
}
