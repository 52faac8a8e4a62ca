import { problems, type Sql } from '@ait/kit'

import { wholeOf, type BlobStore } from '../blobs/store.ts'
import { contentDisposition } from '../domain/disposition.ts'
import type { EntryRow } from '../db/queries.ts'
import { requireClean } from '../download/send.ts'
import { route } from '../kit.ts'
import { zipOf, type ZipItem } from '../zip/zip.ts'
import { treeOf } from './copies.ts'

export const zipFolder = route('zipFolder', async (ctx) => {
  const folder = await ctx.find('entry', ctx.params.id, 'view')
  if (folder.kind !== 'folder') throw problems.notFound()
  const archive = await openArchive(ctx.sql, ctx.deps.store, folder, ctx.config.STORAGE_TREE_MAX_ENTRIES)
  return ctx.reply.headers(archive.headers).send(ctx.request.method === 'HEAD' ? null : archive.stream())
})

/**
 * The archive of a folder. What is in it is decided here, before the first byte: too much, or a file that may not leave,
 * is a clear answer and not an archive that lacks something.
 */
export async function openArchive(sql: Sql, store: BlobStore, folder: EntryRow, entriesMax: number) {
  const rows = await treeOf(sql, folder, entriesMax)
  for (const row of rows) requireClean(row.scan)
  return {
    headers: {
      'content-type': 'application/zip',
      'content-disposition': contentDisposition('attachment', `${folder.name}.zip`),
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    },
    stream: () => zipOf(itemsOf(rows, store)),
  }
}

async function* itemsOf(rows: readonly EntryRow[], store: BlobStore): AsyncGenerator<ZipItem> {
  const namesOf = new Map<string, readonly string[]>()
  const parents = new Set(rows.map((row) => row.parent_id))
  for (const [index, row] of rows.entries()) {
    const names = index === 0 ? [] : [...(namesOf.get(row.parent_id as string) ?? []), row.name]
    if (row.kind === 'folder') namesOf.set(row.id, names)
    const modified = new Date(row.updated_at)
    if (row.kind === 'file')
      yield {
        names,
        modified,
        contentType: row.content_type as string,
        open: () => store.get(row.sha256 as string, wholeOf(row.size as number)),
      }
    // A folder with something in it comes into being by what is in it.
    else if (names.length > 0 && !parents.has(row.id)) yield { names, modified }
  }
}
