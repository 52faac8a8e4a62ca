import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { databaseUrl, ensureDatabase, migrate, openPool, type Pool } from '@ait/kit'
import { testServer } from '@ait/testing'

/** A new database and a folder of migrations, gone after the test. */
async function workshop(t: TestContext) {
  const name = `t_migrate_${randomBytes(6).toString('hex')}`
  const url = databaseUrl(testServer(), name)
  const folder = await mkdtemp(join(tmpdir(), 'migrations-'))
  const pools: Pool[] = []
  const open = (): Pool => {
    const pool = openPool(url, 2, 'migrate-test')
    pools.push(pool)
    return pool
  }
  await ensureDatabase(url)
  t.after(async () => {
    await Promise.all(pools.map((pool) => pool.end()))
    const admin = openPool(databaseUrl(testServer(), 'postgres'), 1, 'migrate-test')
    await admin.unsafe(`drop database "${name}" with (force)`)
    await admin.end()
    await rm(folder, { recursive: true })
  })
  return { url, folder, open, write: (file: string, sql: string) => writeFile(join(folder, file), sql) }
}

const own = (done: string[]): string[] => done.filter((name) => !name.startsWith('kit/'))

test('two that start at once run each migration once', async (t) => {
  const { folder, open, write } = await workshop(t)
  await write('0001_init.sql', 'create table a (n integer); insert into a values (1);')
  await write('0002_more.sql', 'insert into a values (2);')
  const results = await Promise.all([open(), open(), open()].map((pool) => migrate(pool, folder)))
  assert.deepEqual(results.flatMap(own), ['0001_init.sql', '0002_more.sql'])
  const rows = await open()`select n from a order by n`
  assert.deepEqual(
    rows.map((row) => row['n']),
    [1, 2],
  )
  assert.deepEqual(await migrate(open(), folder), [])
})

test('two that create the database at once both find it', async (t) => {
  const { url } = await workshop(t)
  const fresh = new URL(url)
  fresh.pathname += '_fresh'
  await Promise.all([1, 2, 3, 4].map(() => ensureDatabase(fresh.href)))
  const admin = openPool(databaseUrl(testServer(), 'postgres'), 1, 'migrate-test')
  await admin.unsafe(`drop database "${fresh.pathname.slice(1)}"`)
  await admin.end()
})

test('a migration that was changed after it ran is refused, by name', async (t) => {
  const { folder, open, write } = await workshop(t)
  await write('0001_init.sql', 'create table a (n integer);')
  const pool = open()
  await migrate(pool, folder)
  await write('0001_init.sql', 'create table a (n bigint);')
  await write('0002_more.sql', 'create table b ();')
  await assert.rejects(migrate(pool, folder), {
    message: 'migration 0001_init.sql was changed after it ran: add a new one instead',
  })
  assert.equal((await pool`select to_regclass('b') as b`)[0]?.['b'], null)
})

test('a migration that fails leaves nothing half, says which it was, and can be mended', async (t) => {
  const { folder, open, write } = await workshop(t)
  await write('0001_init.sql', 'create table a (n integer);')
  await write('0002_bad.sql', 'create table b (); insert into a values (1); select 1/0; create table c ();')
  await write('0003_more.sql', 'create table d ();')
  const pool = open()
  await assert.rejects(migrate(pool, folder), /^Error: migration 0002_bad\.sql: division by zero$/)
  const [state] =
    await pool`select to_regclass('b') as b, to_regclass('c') as c, to_regclass('d') as d, (select count(*)::int from a) as rows`
  assert.deepEqual({ ...state }, { b: null, c: null, d: null, rows: 0 })
  await write('0002_bad.sql', 'create table b ();')
  assert.deepEqual(await migrate(pool, folder), ['0002_bad.sql', '0003_more.sql'])
})

test('a filled database is brought up to date without losing anything', async (t) => {
  const { folder, open, write } = await workshop(t)
  await write('0001_init.sql', 'create table a (id uuid primary key, name text not null);')
  const pool = open()
  await migrate(pool, folder)
  await pool`insert into a select gen_random_uuid(), 'n' || n from generate_series(1, 1000) n`
  await write(
    '0002_upper.sql',
    'alter table a add column upper text; update a set upper = upper(name); alter table a alter column upper set not null;',
  )
  assert.deepEqual(await migrate(pool, folder), ['0002_upper.sql'])
  const [row] =
    await pool`select count(*)::int as n, count(distinct upper)::int as uppers from a where upper = upper(name)`
  assert.deepEqual({ ...row }, { n: 1000, uppers: 1000 })
})

test('the kit’s own tables are upgraded with what is in them', async (t) => {
  const { open } = await workshop(t)
  const pool = open()
  const file = join(import.meta.dirname, '../src/db/migrations/0001_kit.sql')
  const first = await readFile(file, 'utf8')
  const checksum = createHash('sha256').update(first).digest('hex')
  await pool.unsafe(`create schema kit; create table kit.migrations (name text primary key, checksum text not null,
    at timestamptz(3) not null default now()); ${first}`)
  await pool`insert into kit.migrations (name, checksum) values ('kit/0001_kit.sql', ${checksum})`
  const id = '01900000-0000-7000-8000-000000000001'
  await pool`insert into kit.audit (id, actor_kind, action) values (${id}, 'user', 'x')`
  await pool`insert into kit.events (id, type, subject, data) values (${id}, 'a.b.c.v1', 's', '{}')`
  await pool`insert into kit.deliveries (event_id, subscriber) values (${id}, 'somebody')`
  await pool`insert into kit.idempotency (key, caller, operation, body_hash, status) values ('k', 'c', 'o', 'h', 200)`
  assert.deepEqual(await migrate(pool, null), ['kit/0002_kit.sql'])
  const [row] = await pool`select (select count(*)::int from kit.audit) as audit,
    (select count(*)::int from kit.deliveries) as deliveries, (select headers from kit.idempotency) as headers`
  assert.deepEqual({ ...row }, { audit: 1, deliveries: 1, headers: {} })
})

test('a file that is no migration by its name is refused, not passed over', async (t) => {
  const { folder, open, write } = await workshop(t)
  await write('0001_init.sql', 'create table a ();')
  await write('notes.txt', 'ignored')
  await write('2_more.sql', 'create table b ();')
  await assert.rejects(migrate(open(), folder), /migration 2_more\.sql must be named like 0001_init\.sql/)
})

test('a service without migrations has the kit’s tables', async (t) => {
  const { folder, open } = await workshop(t)
  const done = await migrate(open(), join(folder, 'none'))
  assert.ok(done.length > 0 && done.every((name) => name.startsWith('kit/')))
  assert.deepEqual(await migrate(open(), null), [])
})
