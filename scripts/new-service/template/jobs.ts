import { deleteDoneBefore } from './db/queries.ts'
import { job } from './kit.ts'

/** Done items go after a while: in the night, once however many replicas there are. */
export const deleteDone = job(
  'delete-done',
  { schedule: '30 3 * * *' },
  async (_job, { config, now, write }) => {
    const before = new Date(now().getTime() - config.EXAMPLE_KEEP_DONE_DAYS * 86_400_000)
    await write(({ sql }) => deleteDoneBefore(sql, before))
  },
)
