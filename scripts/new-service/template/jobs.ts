import { deleteDoneBefore } from './db/queries.ts'
import { job } from './kit.ts'

export const deleteDone = job(
  'delete-done',
  { schedule: '30 3 * * *' },
  async (_job, { sql, config, now }) => {
    const before = new Date(now().getTime() - config.EXAMPLE_KEEP_DONE_DAYS * 86_400_000)
    await deleteDoneBefore(sql, before)
  },
)
