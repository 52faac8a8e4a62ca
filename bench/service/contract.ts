import { Abilities, defineContract, get, Id, named, post, T, Timestamp, Version } from '@ait/kit'

const fields = {
  title: T.String({ minLength: 1, maxLength: 200 }),
  body: T.String({ maxLength: 20_000 }),
  done: T.Boolean(),
}

const Note = named(
  'Note',
  T.Object({
    id: Id,
    owner_id: T.String(),
    ...fields,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
    abilities: T.Optional(Abilities),
  }),
)

const id = '01890a5d-ac96-774b-bcce-b302099a8057'

export const contract = defineContract('bench', {
  operations: {
    ping: get('/ping', {
      summary: 'Answer without asking the database',
      allow: 'user',
      200: T.Object({ answer: T.String() }),
      example: {},
    }),
    createNote: post('/notes', {
      summary: 'Insert one validated row',
      allow: 'user',
      transaction: 'manual',
      body: T.Object({ ...fields, body: T.Optional(fields.body), done: T.Optional(fields.done) }),
      201: Note,
      example: { body: { title: 'Call the client' } },
    }),
    createNoteInTransaction: post('/notes-in-transaction', {
      summary: 'The same as the kit runs writes unless told otherwise',
      allow: 'user',
      body: T.Object({ ...fields, body: T.Optional(fields.body), done: T.Optional(fields.done) }),
      201: Note,
      example: { body: { title: 'Call the client' } },
    }),
    getNote: get('/notes/:id', {
      summary: 'Read one row by its key',
      allow: 'note.view',
      params: T.Object({ id: Id }),
      200: Note,
      example: { params: { id } },
    }),
  },
})
