import type { Job } from './define.ts'

/** Forgets what has served: delivered events after a week, receipts after a month, answers after a day. */
export const cleanupJob: Job = {
  name: 'kit-cleanup',
  schedule: '17 * * * *',
  async handler(_job, { sql }) {
    await sql`delete from kit.events e where time < now() - interval '7 days'
      and not exists (select 1 from kit.deliveries d where d.event_id = e.id)`
    await sql`delete from kit.inbox where received_at < now() - interval '30 days'`
    await sql`delete from kit.idempotency where created_at < now() - interval '1 day'`
    await sql`delete from kit.shares where expires_at < now() - interval '30 days'`
  },
}
