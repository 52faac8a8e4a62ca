import { join } from 'node:path'
import { databaseUrl, ensureDatabase, migrate, openPool, type ServiceManifest } from '@ait/kit'
import postgres from 'postgres'
import { pascal } from './names.ts'

const types: Record<string, string> = {
  uuid: 'string',
  text: 'string',
  citext: 'string',
  varchar: 'string',
  bpchar: 'string',
  inet: 'string',
  ltree: 'string',
  name: 'string',
  timestamptz: 'string',
  timestamp: 'string',
  date: 'string',
  time: 'string',
  interval: 'string',
  numeric: 'string',
  int2: 'number',
  int4: 'number',
  int8: 'number',
  float4: 'number',
  float8: 'number',
  bool: 'boolean',
  bytea: 'Buffer',
  json: 'any',
  jsonb: 'any',
}

interface Column {
  table: string
  column: string
  type: string
  nullable: boolean
}

/** Row types of a service, read from its freshly migrated database. */
export async function rowTypesText(server: string, manifest: ServiceManifest): Promise<string> {
  const name = `generate_${manifest.name.replaceAll('-', '_')}_${process.pid}`
  const url = databaseUrl(server, name)
  await ensureDatabase(url)
  const sql = openPool(url, 2, 'generate')
  try {
    await migrate(sql, join(manifest.folder, 'db/migrations'))
    const columns = await sql<Column[]>`
      select c.relname as table, a.attname as column, t.typname as type, not a.attnotnull as nullable
      from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_type t on t.oid = a.atttypid
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v') and a.attnum > 0 and not a.attisdropped
        and not exists (select 1 from pg_depend d where d.objid = c.oid and d.deptype = 'e')
      order by c.relname, a.attnum`
    return text([...Map.groupBy(columns, (column) => column.table)])
  } finally {
    await sql.end()
    const admin = postgres(databaseUrl(server, 'postgres'), { max: 1, onnotice: () => {} })
    await admin.unsafe(`drop database if exists "${name}" with (force)`)
    await admin.end()
  }
}

function text(tables: [string, Column[]][]): string {
  const interfaces = tables.map(([table, columns]) => {
    const fields = columns.map((column) => `  ${column.column}: ${typeOf(column)}`)
    return `export interface ${pascal(table.replaceAll('_', '-'))}Row {\n${fields.join('\n')}\n}\n`
  })
  return `// Generated from the migrated database by \`npm run generate\`. Do not edit.\n\n${interfaces.join('\n')}`
}

function typeOf({ type, nullable }: Column): string {
  const element = type.startsWith('_') ? type.slice(1) : type
  const base = types[element] ?? 'string'
  return `${type.startsWith('_') ? `${base}[]` : base}${nullable ? ' | null' : ''}`
}
