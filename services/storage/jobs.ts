import { trashCutoff } from './domain/retention.ts'
import { blobsToScan, filesOfBlob, findBlob, lockBlob, orphanBlobs, setScan } from './db/contents.ts'
import { ownersOfTrash, trashedTops } from './db/tree.ts'
import { job } from './kit.ts'
import { purge } from './routes/trash.ts'
import { takeTree } from './upload/place.ts'
import { discard } from './upload/receive.ts'

const BATCH = 200
const HOUR_MS = 60 * 60 * 1000

/** Removes for good what has been in the trash long enough. */
export const purgeTrash = job('purge-trash', { schedule: '10 * * * *' }, async ({ signal }, unit) => {
  const before = trashCutoff(unit.now(), unit.config.STORAGE_TRASH_DAYS)
  for (let owners = BATCH; owners === BATCH && !signal.aborted;) {
    const due = await ownersOfTrash(unit.sql, before, BATCH)
    owners = due.length
    for (const { owner_id } of due)
      await unit.write(async (tx) => {
        await takeTree(tx, owner_id)
        await purge(tx, await trashedTops(tx.sql, owner_id, before))
      })
  }
})

/**
 * Removes contents that nothing refers to: those that the database knows, those that a crash left in the store alone,
 * and unfinished uploads. Young ones are spared: they may belong to an upload that is about to commit.
 */
export const cleanOrphans = job('clean-orphans', { schedule: '40 * * * *' }, async ({ signal }, unit) => {
  const { sql, config, deps, now, write, log } = unit
  const before = new Date(now().getTime() - config.STORAGE_ORPHAN_HOURS * HOUR_MS)
  const drop = (sha256: string) => write((tx) => discard(tx.sql, deps.store, sha256))
  let removed = 0
  for (let batch = BATCH; batch === BATCH && !signal.aborted;) {
    const orphans = await orphanBlobs(sql, before, BATCH)
    batch = orphans.length
    for (const { sha256 } of orphans) if (await drop(sha256)) removed++
  }
  for await (const sha256 of deps.store.list(before)) {
    if (signal.aborted) return
    if (!(await findBlob(sql, sha256)) && (await drop(sha256))) removed++
  }
  const unfinished = await deps.store.sweep()
  if (removed + unfinished > 0) log.info({ removed, unfinished }, 'contents without a file were removed')
})

/** Has one content scanned, and tells of each file that turns out to be infected. */
export const scan = job<{ sha256: string }>(
  'scan',
  { retryLimit: 20, concurrency: 2 },
  async ({ data }, unit) => {
    const { sql, deps, now, write } = unit
    const blob = await findBlob(sql, data.sha256)
    if (!deps.scanner || !blob || blob.scan === 'clean' || blob.scan === 'infected') return
    const verdict = await deps.scanner.scan(await deps.store.get(data.sha256))
    await write(async (tx) => {
      await lockBlob(tx.sql, data.sha256)
      const signature = verdict.infected ? verdict.signature : null
      await setScan(tx.sql, data.sha256, verdict.infected ? 'infected' : 'clean', signature, now())
      if (signature === null) return
      for (const { id, owner_id, version } of await filesOfBlob(tx.sql, data.sha256)) {
        await tx.emit('storage.file.infected.v1', id, { id, owner_id, signature, version })
        await tx.audit('file.infected', { type: 'entry', id }, { signature })
      }
    })
  },
)

/** Has scanned what was missed: contents from before there was a scanner, and those whose scan was given up. */
export const scanBacklog = job(
  'scan-backlog',
  { schedule: '*/10 * * * *' },
  async (_job, { sql, config, deps, write }) => {
    if (!deps.scanner) return
    const blobs = await blobsToScan(sql, config.CLAMAV_MAX_BYTES, BATCH)
    await write(async ({ enqueue }) => {
      for (const { sha256 } of blobs) await enqueue('scan', { sha256 }, { singletonKey: sha256 })
    })
  },
)
