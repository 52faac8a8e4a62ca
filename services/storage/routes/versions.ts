import { Problem, principalId, problems } from '@ait/kit'

import { deleteVersion as removeVersion, findVersion, listVersions as versionsOf } from '../db/contents.ts'
import { findEntry, type FileRow } from '../db/queries.ts'
import { route } from '../kit.ts'
import { takeTree } from '../upload/place.ts'
import { addVersion } from '../upload/save.ts'
import { findFile } from './files.ts'
import { present } from './present.ts'

export const listVersions = route('listVersions', async (ctx) => {
  const file = await findFile(ctx, 'view')
  const rows = await versionsOf(ctx.sql, file.id, ctx.page)
  const page = ctx.pageOf(rows, (row) => [row.number])
  return {
    ...page,
    items: page.items.map(({ number, size, content_type, sha256, scan, created_by, created_at }) => ({
      number,
      size,
      content_type,
      sha256,
      scan,
      created_by,
      created_at,
    })),
  }
})

export const restoreVersion = route('restoreVersion', async (ctx) => {
  const { owner_id } = await findFile(ctx, 'edit')
  await takeTree(ctx, owner_id)
  const file = await findFile(ctx, 'edit')
  const version = await findVersion(ctx.sql, file.id, ctx.params.number)
  if (!version) throw problems.notFound()
  const { sha256, size, content_type } = version
  await addVersion(
    ctx,
    file,
    { sha256, size, contentType: content_type },
    principalId(ctx.principal) as string,
  )
  const saved = (await findEntry(ctx.sql, file.id)) as FileRow
  ctx.etag(saved.version)
  return present(saved)
})

export const deleteVersion = route('deleteVersion', async (ctx) => {
  const { owner_id } = await findFile(ctx, 'delete')
  await takeTree(ctx, owner_id)
  const file = await findFile(ctx, 'delete')
  const { number } = ctx.params
  if (number === file.revision)
    throw new Problem(409, 'current_version', 'The current version cannot be removed')
  if ((await removeVersion(ctx.sql, file.id, number)).count === 0) throw problems.notFound()
  await ctx.audit('version.deleted', { type: 'entry', id: file.id }, { number })
})
