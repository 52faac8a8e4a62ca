import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { personas, startTestService, until, type TestService } from '@ait/testing'
import type { Sql } from '@ait/kit'

import { findEntry, type EntryRow } from '../db/queries.ts'
import { lockTree, moveEntry, trashTree } from '../db/tree.ts'
import manifest from '../service.ts'
import { upload } from './support/multipart.ts'

let service: TestService
before(async () => {
  service = await startTestService(manifest)
})
after(() => service.stop())

/** Uploads into a folder while somebody else has the tree, and changes the folder before the upload gets its turn. */
async function uploadWhile(folder: EntryRow, change: (sql: Sql) => Promise<void>, expected: number) {
  const ann = service.as('ann')
  let pending: ReturnType<typeof upload> | undefined
  await service.sql.begin(async (sql) => {
    await lockTree(sql, personas.ann.id)
    pending = upload(ann, 'late.txt', 'late', { folder_id: folder.id }, expected)
    await until('the upload to wait for the tree', async () => {
      const waiting = await service.sql`
        select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return waiting.length > 0
    })
    await change(sql)
  })
  return (await pending)?.body
}

const folderNamed = async (name: string, folder_id: string | null = null): Promise<EntryRow> => {
  const { body } = await service.as('ann').call('createFolder', { body: { name, folder_id } }, 201)
  return (await findEntry(service.sql, body.id)) as EntryRow
}

test('an upload follows its folder to where that has been moved meanwhile, and out of what is shared', async () => {
  const [shared, own] = [await folderNamed('shared'), await folderNamed('own')]
  const folder = await folderNamed('inner', shared.id)
  const body = { subject_type: 'user', subject_id: personas.bob.id, role: 'viewer' }
  await service.as('ann').call('shareEntry', { params: { id: shared.id }, body }, 200)
  const to = { parent_id: own.id, path: [...own.path, folder.id], name: folder.name }
  const file = await uploadWhile(folder, (sql) => moveEntry(sql, folder, to), 201)
  assert.deepEqual((await findEntry(service.sql, file.id))?.path, [own.id, folder.id, file.id])
  await service.as('bob').call('getEntry', { params: { id: file.id } }, 404)
})

test('an upload into a folder that goes into the trash meanwhile is refused, not thrown away with it', async () => {
  const folder = await folderNamed('to be trashed')
  const problem = await uploadWhile(folder, (sql) => trashTree(sql, folder, new Date()), 404)
  assert.equal(problem.code, 'not_found')
})
