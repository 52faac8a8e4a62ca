import { findFor, principalId, problems, requireVersion, type Principal, type Sql } from '@ait/kit'

import { uploadLimit } from '../domain/quota.ts'
import { findVersion } from '../db/contents.ts'
import { findFolder, listChildren, listKey, type FileRow } from '../db/queries.ts'
import { findQuota } from '../db/quotas.ts'
import type { Config } from '../deps.ts'
import { sendContent } from '../download/send.ts'
import { route, type StorageContext } from '../kit.ts'
import { policy } from '../policy.ts'
import { readMultipart } from '../upload/multipart.ts'
import { nameFrom, pathFrom, placeFrom, takeTree } from '../upload/place.ts'
import { fromBody, receive, undoingArrival, type UploadLimit } from '../upload/receive.ts'
import { addVersion, saveUpload, type OnConflict, type Target } from '../upload/save.ts'
import { listingOf } from './listing.ts'
import { present, presentWithPath } from './present.ts'
import { moveToTrash } from './trash.ts'

export const uploadFile = route('uploadFile', (ctx) =>
  undoingArrival(ctx, async (arrived) => {
    const { deps, config, principal } = ctx
    const owner = principalId(principal) as string
    const limit = await limitFor(ctx.sql, config, owner)
    const options = { limit, stallMs: config.STORAGE_STALL_TIMEOUT_MS }
    const { file, fields } = await fromBody(ctx.request.raw, options, (body) =>
      readMultipart(ctx.request, body, ['folder', 'folder_id', 'on_conflict'], async (content, given) => {
        const name = nameFrom(given, ['body', 'file', 'filename'])
        return { name, ...arrived(await receive(deps.store, content, name, limit)) }
      }),
    )
    const onConflict = conflictFrom(fields['on_conflict'])
    const saved = await ctx.write(async (unit) => {
      const target = await targetFrom(unit.sql, fields, owner, principal)
      return saveUpload(unit, { target, name: file.name, content: file, onConflict, by: principal })
    })
    ctx.etag(saved.version)
    return present(saved)
  }),
)

export const replaceContent = route('replaceContent', async (ctx) => {
  const { deps, config, principal } = ctx
  const seen = await findFile(ctx, 'edit')
  requireVersion(seen.version, ctx.ifMatch)
  return undoingArrival(ctx, async (arrived) => {
    const limit = await limitFor(ctx.sql, config, seen.owner_id)
    const options = { limit, stallMs: config.STORAGE_STALL_TIMEOUT_MS }
    const content = await fromBody(ctx.request.raw, options, async (body) =>
      arrived(await receive(deps.store, body, seen.name, limit)),
    )
    const saved = await ctx.write(async (unit) => {
      await takeTree(unit, seen.owner_id)
      const file = (await findFor(unit.sql, policy, 'entry', seen.id, 'edit', principal)) as FileRow
      requireVersion(file.version, ctx.ifMatch)
      return addVersion(unit, file, content, principalId(principal) as string)
    })
    ctx.etag(saved.version)
    return present(saved)
  })
})

export const downloadFile = route('downloadFile', async (ctx) => {
  const file = await findFile(ctx, 'view')
  const version = await findVersion(ctx.sql, file.id, ctx.query.revision ?? file.revision)
  if (!version) throw problems.notFound()
  return sendContent(ctx, { ...version, name: file.name }, ctx.query.inline ? 'inline' : 'attachment')
})

export const listFiles = route('listFiles', async (ctx) => {
  const owner = principalId(ctx.principal) as string
  const folder = await findFolder(ctx.sql, owner, pathFrom(ctx.query.folder ?? '', ['query', 'folder']))
  if (folder === undefined) return ctx.pageOf([], () => [])
  const listing = listingOf({ ...ctx.query, kind: 'file' }, ctx.page)
  const rows = await listChildren(ctx.sql, owner, folder?.id ?? null, listing)
  const page = ctx.pageOf(rows, listKey(listing))
  return { ...page, items: page.items.map(present) }
})

export const getFileMetadata = route('getFileMetadata', async (ctx) => {
  const file = await findFile(ctx, 'view')
  ctx.etag(file.version)
  return presentWithPath(ctx.sql, ctx.principal, file)
})

export const deleteFile = route('deleteFile', async (ctx) => {
  await findFile(ctx, 'delete')
  await moveToTrash(ctx, ctx.params.id)
})

/** The file of a request; a folder under that id is as good as missing. */
export async function findFile(
  ctx: StorageContext,
  ability: string,
): Promise<FileRow & { abilities: string[] }> {
  const entry = await ctx.find('entry', ctx.params.id, ability)
  if (entry.kind !== 'file') throw problems.notFound()
  return entry as FileRow & { abilities: string[] }
}

/** How much an owner may upload at once. */
export async function limitFor(sql: Sql, config: Config, owner: string): Promise<UploadLimit> {
  const quota = await findQuota(sql, owner)
  const account = {
    quota_bytes: quota?.quota_bytes ?? config.STORAGE_QUOTA_BYTES,
    used_bytes: quota?.used_bytes ?? 0,
  }
  return uploadLimit(account, config.STORAGE_MAX_FILE_BYTES)
}

async function targetFrom(
  sql: Sql,
  fields: Record<string, string>,
  owner: string,
  principal: Principal,
): Promise<Target> {
  const { folder, folder_id } = fields
  if (folder_id === undefined) return { owner, names: pathFrom(folder ?? '', ['body', 'folder']) }
  if (folder !== undefined)
    throw problems.invalid(['body', 'folder_id'], 'cannot be given together with folder')
  return { place: await placeFrom(sql, folder_id, principal) }
}

function conflictFrom(value: string | undefined): OnConflict {
  if (value === undefined) return 'version'
  if (value === 'version' || value === 'rename' || value === 'fail') return value
  throw problems.invalid(['body', 'on_conflict'], 'must be one of version, rename, fail', 'enum')
}
