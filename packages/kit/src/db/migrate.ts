import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pool } from './database.ts'

const kitMigrations = join(import.meta.dirname, 'migrations')

/**
 * Brings a database up to date: the kit's migrations, then the service's own, each once and in its
 * own transaction. Replicas that start together take turns (advisory lock).
 * @throws when a migration that already ran was changed since.
 */
export async function migrate(sql: Pool, folder: string | null): Promise<string[]> {
  const migrations = [...(await read(kitMigrations, 'kit/')), ...(folder ? await read(folder, '') : [])]
  const connection = await sql.reserve()
  const done: string[] = []
  try {
    await connection`select pg_advisory_lock(hashtext('kit.migrate'))`
    await connection`create schema if not exists kit`
    await connection`create table if not exists kit.migrations (
      name text primary key, checksum text not null, at timestamptz(3) not null default now())`
    const applied = new Map(
      (await connection<{ name: string; checksum: string }[]>`select name, checksum from kit.migrations`).map(
        (row) => [row.name, row.checksum],
      ),
    )
    for (const { name, text } of migrations) {
      const checksum = createHash('sha256').update(text).digest('hex')
      const known = applied.get(name)
      if (known === checksum) continue
      if (known) throw new Error(`migration ${name} was changed after it ran: add a new one instead`)
      // Several statements in one message are one transaction: PostgreSQL runs all or none.
      const receipt = `insert into kit.migrations (name, checksum) values ('${name}', '${checksum}')`
      await connection.unsafe(`${text}\n;${receipt}`).catch((error: Error) => {
        throw new Error(`migration ${name}: ${error.message}`, { cause: error })
      })
      done.push(name)
    }
    return done
  } finally {
    await connection`select pg_advisory_unlock(hashtext('kit.migrate'))`.catch(() => {})
    connection.release()
  }
}

/** The migrations of a folder in their order. A service may have none. */
async function read(folder: string, prefix: string): Promise<{ name: string; text: string }[]> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const migrations = files.filter((file) => file.endsWith('.sql')).toSorted()
  const odd = migrations.find((file) => !/^\d{4}_\w+\.sql$/.test(file))
  if (odd) throw new Error(`migration ${odd} must be named like 0001_init.sql`)
  return Promise.all(
    migrations.map(async (file) => ({
      name: prefix + file,
      text: await readFile(join(folder, file), 'utf8'),
    })),
  )
}
