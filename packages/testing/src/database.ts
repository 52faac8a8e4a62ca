import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { databaseUrl } from '@ait/kit'
import postgres from 'postgres'

/** URL of the PostgreSQL that the tests use; `npm test` starts one. */
export function testServer(): string {
  const url = process.env['TEST_POSTGRES_URL']
  if (!url) throw new Error('TEST_POSTGRES_URL is not set: run tests by `npm test -- <path>`')
  return url
}

/** Changes with any migration, so that a stale template is never used. */
function fingerprint(folders: string[]): string {
  const hash = createHash('sha256')
  for (const folder of folders)
    for (const file of readdirSync(folder, { withFileTypes: true }).toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    ))
      if (file.name.endsWith('.sql')) hash.update(file.name).update(readFileSync(join(folder, file.name)))
  return hash.digest('hex').slice(0, 10)
}

/**
 * Clones a database that `prepare` filled once for all test files: milliseconds instead of migrations.
 * @param folders of the migrations that `prepare` runs.
 */
export async function cloneDatabase(
  name: string,
  folders: string[],
  prepare: (url: string) => Promise<void>,
) {
  const server = testServer()
  const template = `tpl_${name.replaceAll('-', '_')}_${fingerprint(folders)}`
  const clone = `t_${name.replaceAll('-', '_')}_${randomBytes(6).toString('hex')}`
  const admin = postgres(databaseUrl(server, 'postgres'), { max: 1, onnotice: () => {} })
  try {
    await admin`select pg_advisory_lock(hashtext(${template}))`
    const [found] = await admin`select 1 from pg_database where datname = ${template}`
    if (!found) {
      const draft = `${template}_draft`
      await admin.unsafe(`drop database if exists "${draft}" with (force)`)
      await admin.unsafe(`create database "${draft}"`)
      await prepare(databaseUrl(server, draft))
      await admin.unsafe(`alter database "${draft}" rename to "${template}"`)
    }
    await admin.unsafe(`create database "${clone}" template "${template}"`)
  } finally {
    await admin.end()
  }
  return {
    url: databaseUrl(server, clone),
    async drop() {
      const sql = postgres(databaseUrl(server, 'postgres'), { max: 1, onnotice: () => {} })
      await sql.unsafe(`drop database if exists "${clone}" with (force)`)
      await sql.end()
    },
  }
}
