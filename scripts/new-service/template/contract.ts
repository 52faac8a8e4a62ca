import {
  Abilities,
  defineContract,
  del,
  get,
  Id,
  named,
  Page,
  PageOf,
  patch,
  post,
  shareOperations,
  T,
  Timestamp,
  Version,
} from '@ait/kit'

const Title = T.String({ minLength: 1, maxLength: 200 })
const Body = T.String({ maxLength: 20_000 })

export const Item = named(
  'Item',
  T.Object({
    id: Id,
    title: Title,
    body: Body,
    done: T.Boolean(),
    owner_id: T.String(),
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
    abilities: T.Optional(Abilities),
  }),
)

const params = T.Object({ id: Id })
const id = '01890a5d-ac96-774b-bcce-b302099a8057'

export const contract = defineContract('example', {
  operations: {
    listItems: get('/items', {
      summary: 'Items that you own or that were shared with you, newest first',
      allow: 'user',
      query: Page({ done: T.Optional(T.Boolean()) }),
      200: PageOf(Item),
      example: { query: { done: false } },
    }),
    createItem: post('/items', {
      summary: 'Create an item',
      allow: 'user',
      idempotent: true,
      body: T.Object({ title: Title, body: T.Optional(Body) }),
      201: Item,
      example: { body: { title: 'Call the client', body: 'About the renewal' } },
    }),
    getItem: get('/items/:id', {
      summary: 'Read an item',
      allow: 'item.view',
      params,
      200: Item,
      example: { params: { id } },
    }),
    updateItem: patch('/items/:id', {
      summary: 'Change an item',
      allow: 'item.edit',
      ifMatch: true,
      params,
      body: T.Object({ title: T.Optional(Title), body: T.Optional(Body), done: T.Optional(T.Boolean()) }),
      200: Item,
      example: { params: { id }, body: { done: true } },
    }),
    deleteItem: del('/items/:id', {
      summary: 'Delete an item',
      allow: 'item.delete',
      params,
      204: T.Void(),
      example: { params: { id } },
    }),
    ...shareOperations('item', '/items'),
  },
  events: {
    'example.item.completed.v1': T.Object({ id: Id, owner_id: T.String(), version: Version }),
  },
})
