import postgres from 'postgres'

/** Tagged-template SQL: a pool, or the transaction of the current unit of work. */
export type Sql = postgres.ISql<{}>
export type Pool = postgres.Sql<{}>
export type Fragment = postgres.PendingQuery<postgres.Row[]>

const rfc3339 = (value: string): string => new Date(value).toISOString()

/**
 * Opens the pool of one database.
 *
 * Rows carry what the API answers with: instants as RFC 3339 strings (declare columns
 * `timestamptz(3)`, so that nothing is rounded away), dates as `YYYY-MM-DD`, bigint as number.
 */
export function openPool(url: string, max: number, name: string): Pool {
  return postgres(url, {
    max,
    // What `now()::date` means must not hang on how the server was set up.
    connection: { application_name: name, TimeZone: 'UTC' },
    onnotice: () => {},
    types: {
      timestamptz: { to: 1184, from: [1184], serialize: toText, parse: rfc3339 },
      date: { to: 1082, from: [1082], serialize: String, parse: String },
      bigint: { to: 20, from: [20], serialize: String, parse: Number },
    } as never,
  }) as Pool
}

const toText = (value: unknown): string => (value instanceof Date ? value.toISOString() : String(value))

/** Creates the database of `url` unless it is there. Needs the right to create databases only then. */
export async function ensureDatabase(url: string): Promise<void> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1))
  const admin = new URL(url)
  admin.pathname = '/postgres'
  const sql = postgres(admin.href, { max: 1, onnotice: () => {} })
  try {
    const [found] = await sql`select 1 from pg_database where datname = ${name}`
    if (!found) await sql`create database ${sql(name)}`
  } catch (error) {
    // Two services that start together may both try: the second finds it there.
    if (!['42P04', '23505'].includes((error as { code?: string }).code ?? '')) throw error
  } finally {
    await sql.end()
  }
}

/** The URL of a service's database on the given server. */
export function databaseUrl(server: string, database: string): string {
  const url = new URL(server)
  url.pathname = `/${database}`
  return url.href
}
