import { definePolicy } from '@ait/kit'
import { findItem } from './db/queries.ts'

export const policy = definePolicy({
  item: {
    find: findItem,
    owner: (item) => item.owner_id,
    roles: {
      viewer: ['view'],
      commenter: ['view'],
      editor: ['view', 'edit'],
      manager: ['view', 'edit', 'share', 'delete'],
      owner: ['view', 'edit', 'share', 'delete'],
    },
  },
})
