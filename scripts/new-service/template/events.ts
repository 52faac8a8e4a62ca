import { deleteItemsOf } from './db/queries.ts'
import { on } from './kit.ts'

/** A person who is gone leaves nothing behind. */
export const forgetUser = on<{ id: string }>('auth.user.deleted.v1', async (event, { sql }) => {
  await deleteItemsOf(sql, event.data.id)
})
