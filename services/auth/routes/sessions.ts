import { person } from '../accounts/person.ts'
import { listOpenSessions } from '../db/sessions.ts'
import type { SessionsRow } from '../db/types.ts'
import { deviceName } from '../domain/device-name.ts'
import { route } from '../kit.ts'
import { endSessions as end, endSessionsOf } from '../sessions/end.ts'
import { cutoffs } from '../sessions/life.ts'

export const listSessions = route('listSessions', async (ctx) => {
  const { id, sid } = person(ctx)
  const rows = await listOpenSessions(ctx.sql, id, cutoffs(ctx), ctx.page)
  const page = ctx.pageOf(rows, (row) => [row.last_seen_at, row.id])
  return { ...page, items: page.items.map((row) => present(row, sid)) }
})

export const endSession = route('endSession', async (ctx) => {
  const session = await ctx.find('session', ctx.params.id, 'end')
  await end(ctx, [session.id], 'ended')
})

export const endSessions = route('endSessions', async (ctx) => {
  const { id, sid } = person(ctx)
  return { ended: await endSessionsOf(ctx, id, 'ended', ctx.query.keep_current ? sid : undefined) }
})

const present = (row: SessionsRow, current: string) => ({
  id: row.id,
  device: deviceName(row.user_agent),
  user_agent: row.user_agent,
  address: row.address,
  methods: row.methods,
  kind: row.secret_hash ? ('browser' as const) : ('tokens' as const),
  current: row.id === current,
  started_at: row.started_at,
  last_seen_at: row.last_seen_at,
})
