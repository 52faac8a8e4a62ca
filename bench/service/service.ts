import { builders, definePolicy, defineService, newId, principalId, T, type Sql } from '@ait/kit'
import { contract } from './contract.ts'

interface NoteRow {
  id: string
  owner_id: string
  title: string
  body: string
  done: boolean
  version: number
  created_at: string
  updated_at: string
}

const config = T.Object({})
const policy = definePolicy({
  note: {
    find: async (sql, id) => (await sql<NoteRow[]>`select * from notes where id = ${id}`)[0],
    owner: (note: NoteRow) => note.owner_id,
    roles: { owner: ['view', 'edit'], viewer: ['view'] },
  },
})
const { route } = builders()({ contract, policy, config })

async function insertNote(sql: Sql, owner: string, note: Partial<NoteRow>): Promise<NoteRow> {
  const [row] = await sql<NoteRow[]>`
    insert into notes (id, owner_id, title, body, done)
    values (${newId()}, ${owner}, ${note.title as string}, ${note.body ?? ''}, ${note.done ?? false}) returning *`
  return row as NoteRow
}

/** A service of three routes, made as all of the suite are: to be measured. */
export default defineService({
  name: 'bench',
  title: 'Benchmark',
  description: 'Three routes to measure.',
  version: '0.1.0',
  port: 8098,
  database: 'bench_db',
  folder: import.meta.dirname,
  contract,
  policy,
  config,
  routes: [
    route('ping', async () => ({ answer: 'pong' })),
    route('createNote', (ctx) => insertNote(ctx.sql, principalId(ctx.principal) as string, ctx.body)),
    route('createNoteInTransaction', (ctx) =>
      insertNote(ctx.sql, principalId(ctx.principal) as string, ctx.body),
    ),
    route('getNote', (ctx) => ctx.find('note', ctx.params.id, 'view')),
  ],
})
