import { defineService, shareRoutes } from '@ait/kit'
import { config } from './config.ts'
import { contract } from './contract.ts'
import { forgetUser } from './events.ts'
import { deleteDone } from './jobs.ts'
import { policy } from './policy.ts'
import { createItem, deleteItem, getItem, listItems, updateItem } from './routes/items.ts'
import { seed } from './seed.ts'

export default defineService({
  name: 'example',
  title: 'Example',
  description: 'Items that people keep and share.',
  version: '0.1.0',
  port: 8099,
  database: 'example_db',
  folder: import.meta.dirname,
  contract,
  policy,
  config,
  routes: [listItems, createItem, getItem, updateItem, deleteItem, ...shareRoutes('item')],
  subscriptions: [forgetUser],
  jobs: [deleteDone],
  seed,
})
