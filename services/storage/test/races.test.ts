import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'

import { startTestService, until, type TestService } from '@ait/testing'

import { orphanBlobs } from '../db/contents.ts'
import manifest from '../service.ts'
import { discard } from '../upload/receive.ts'
import { multipart } from './support/multipart.ts'

let service: TestService
before(async () => {
  service = await startTestService(manifest)
})
after(() => service?.stop())

const contents = ['the same three', 'contents over', 'and over again']
const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex')

test('uploads, refusals, deletions and the cleanup of the same contents, all at once: what is visible is there', async () => {
  let done = 0
  let lost = 0
  const uploads = async (who: 'ann' | 'bob', n: number): Promise<void> => {
    const caller = service.as(who)
    for (let i = 0; i < 40; i++) {
      const content = contents[(i + n) % contents.length] as string
      const file = { name: 'file', filename: `${n}-${i % 5}.txt`, content }
      const answer = await caller.call('uploadFile', multipart([file]))
      if (answer.status === 201 && i % 2 === 0)
        await caller.call('deleteFile', { params: { id: answer.body.id } }, 204)
      if (answer.status === 201) continue
      assert.deepEqual([answer.status, answer.body.code], [503, 'upload_lost'])
      lost++
    }
    done++
  }
  const refusals = async (): Promise<void> => {
    for (let i = 0; done < 4; i++) {
      const file = { name: 'file', filename: 'x.txt', content: contents[i % contents.length] as string }
      await service
        .as('stranger')
        .call('uploadFile', multipart([file, { name: 'folder', content: '../x' }]), 422)
    }
  }
  const cleanups = async (): Promise<void> => {
    const { runtime, deps } = service.service
    while (done < 4) {
      for (const who of ['ann', 'bob'] as const) await service.as(who).call('emptyTrash', {}, 204)
      for (const blob of await orphanBlobs(service.sql, new Date(Date.now() + 1000), 10))
        await runtime.write(({ sql }) => discard(sql, deps.store, blob.sha256))
    }
  }
  const people = (['ann', 'bob'] as const).flatMap((who) => [uploads(who, 0), uploads(who, 1)])
  await Promise.all([...people, refusals(), cleanups()])

  const visible = await service.sql<
    { id: string; sha256: string; owner_id: string }[]
  >`select * from entries where trashed_at is null`
  assert.ok(visible.length > 0)
  for (const file of visible) {
    const caller = file.owner_id.endsWith('2') ? service.as('ann') : service.as('bob')
    const { raw } = await caller.call('downloadFile', { params: { id: file.id } }, 200)
    assert.equal(sha256(raw), file.sha256)
  }
  assert.ok(lost < 80, `${lost} uploads had to be sent again`)
  const [sums] = await service.sql`
    select bool_and(used_bytes = coalesce((select sum(size) from versions v where v.owner_id = user_id), 0)) as right from quotas`
  assert.equal(sums?.['right'], true)
})

test('one person’s many searches leave the others a connection', { timeout: 30_000 }, async () => {
  let searches: Promise<{ status: number }>[] = []
  await service.sql.begin(async (sql) => {
    await sql`lock table entries in access exclusive mode`
    searches = Array.from({ length: 10 }, () =>
      service.as('ann').call('searchEntries', { query: { q: 'a' } }),
    )
    await until('searches to wait', async () => {
      const waiting = await sql`
        select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return waiting.length > 1
    })
    await service.as('bob').call('getQuota', {}, 200)
  })
  for (const { status } of await Promise.all(searches)) assert.equal(status, 200)
})
