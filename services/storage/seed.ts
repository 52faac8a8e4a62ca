import { Readable } from 'node:stream'

import type { ServiceRuntime } from '@ait/kit'
import { personas } from '@ait/testing/personas'

import { insertBlob, insertVersion } from './db/contents.ts'
import { findEntry } from './db/queries.ts'
import { openQuota } from './db/quotas.ts'
import { insertEntry } from './db/tree.ts'
import type { Config, Deps } from './deps.ts'

const folder = { id: '01900000-0000-7000-8000-000000080001', owner: personas.ann.id, name: 'documents' }
const files = [
  { id: '01900000-0000-7000-8000-000000080002', name: 'welcome.txt', text: 'Welcome to your files.\n' },
  {
    id: '01900000-0000-7000-8000-000000080003',
    name: 'clients.csv',
    text: 'name,city\nFerrer S.L.,Valencia\n',
  },
]

/** Demo data: the same ids each time, so that running it again changes nothing. Ann shares her folder with Bob. */
export async function seed(service: ServiceRuntime<Config>, deps: Deps): Promise<void> {
  const stored = await Promise.all(
    files.map(async (file) => ({
      ...file,
      ...(await deps.store.put(Readable.from([Buffer.from(file.text)]), { maxBytes: 1000 })),
      content_type: file.name.endsWith('.csv') ? 'text/csv' : 'text/plain',
    })),
  )
  await service.write(async ({ sql }) => {
    for (const { id } of Object.values(personas)) await openQuota(sql, id)
    if (await findEntry(sql, folder.id)) return
    const { id: folderId, owner, name } = folder
    const common = { owner_id: owner, created_by: owner }
    await insertEntry(sql, {
      ...common,
      id: folderId,
      kind: 'folder',
      parent_id: null,
      path: [folderId],
      name,
    })
    for (const { id, name: fileName, sha256, size, content_type } of stored) {
      await insertBlob(sql, { sha256, size, scan: 'unscanned' })
      const path = [folderId, id]
      const file = { ...common, sha256, size, content_type }
      await insertEntry(sql, { ...file, id, kind: 'file', parent_id: folderId, path, name: fileName })
      await insertVersion(sql, { ...file, file_id: id, number: 1 })
    }
    await sql`insert into kit.shares (id, resource_type, resource_id, subject_type, subject_id, role, created_by)
      values ('01900000-0000-7000-8000-000000080004', 'entry', ${folderId}, 'user', ${personas.bob.id}, 'viewer', ${owner})
      on conflict do nothing`
  })
}
