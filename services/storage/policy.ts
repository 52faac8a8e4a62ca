import { definePolicy } from '@ait/kit'

import { findEntry, findTrashed } from './db/queries.ts'

export const policy = definePolicy({
  /** A file or a folder. A share on a folder counts for everything below it. Administrators have no key. */
  entry: {
    find: findEntry,
    owner: (entry) => entry.owner_id,
    scope: (entry) => entry.path,
    roles: {
      viewer: ['view'],
      commenter: ['view'],
      editor: ['view', 'edit'],
      manager: ['view', 'edit', 'share', 'delete'],
      owner: ['view', 'edit', 'share', 'delete'],
    },
  },
  /** What is in the trash is its owner's alone, whoever it was shared with before. */
  trashed: {
    find: findTrashed,
    owner: (entry) => entry.owner_id,
    scope: () => [],
    roles: { owner: ['restore', 'purge'] },
  },
})
