import { problems, type Unit } from '@ait/kit'

import { forgetOwner, openQuota } from './db/quotas.ts'
import { on } from './kit.ts'

/** A new person gets their place: what they may keep, and nothing in it yet. */
export const openHome = on<{ id: string }>('auth.user.registered.v1', async (event, { sql }) => {
  await openQuota(sql, personIn(event.data))
})

/** A person who is gone leaves nothing behind: files, trash, links and shares, theirs and those with them. */
export const closeHome = on<{ id: string }>(
  'auth.user.deleted.v1',
  async (event, { sql, audit }: Unit<unknown, unknown>) => {
    const id = personIn(event.data)
    await forgetOwner(sql, id)
    await audit('home.closed', { type: 'quota', id })
  },
)

/** Refusing what is no person makes a dead letter of the event, which somebody will see. */
function personIn(data: { id: string }): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(data.id))
    throw problems.invalid(['body', 'data', 'id'], 'is not an id')
  return data.id
}
