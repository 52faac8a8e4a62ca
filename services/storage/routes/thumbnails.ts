import { Readable } from 'node:stream'

import { Problem } from '@ait/kit'

import { findBlob, findThumbnail, insertBlob, insertThumbnail, lockBlob } from '../db/contents.ts'
import type { FileRow } from '../db/queries.ts'
import { requireClean, sendContent } from '../download/send.ts'
import { route, type StorageContext } from '../kit.ts'
import { canHaveThumbnail, THUMBNAIL_TYPE, ThumbnailError } from '../thumbnails/thumbnail.ts'
import { findFile } from './files.ts'

const DEFAULT_SIZE = 256

export const getThumbnail = route('getThumbnail', async (ctx) => {
  const file = await findFile(ctx, 'view')
  requireClean(file.scan)
  if (!canHaveThumbnail(file.content_type, file.size)) throw noThumbnail()
  const size = ctx.query.size ?? DEFAULT_SIZE
  const known = await findThumbnail(ctx.sql, file.sha256, size)
  const sha256 = known ? known.sha256 : await makeThumbnail(ctx, file, size)
  const picture = sha256 && (await findBlob(ctx.sql, sha256))
  if (!picture) throw noThumbnail()
  const { created_at } = picture
  const content = {
    name: `${file.name}.webp`,
    sha256,
    size: picture.size,
    content_type: THUMBNAIL_TYPE,
    scan: null,
    created_at,
  }
  return sendContent(ctx, content, 'inline')
})

/** Makes a thumbnail and keeps it like any other content; null, which is kept too, when there cannot be one. */
async function makeThumbnail(ctx: StorageContext, file: FileRow, size: number): Promise<string | null> {
  const { store, thumbnailer } = ctx.deps
  const { sha256: source, content_type: contentType } = file
  const original = { sha256: source, contentType, open: () => store.get(source) }
  const picture = await thumbnailer.make(original, size).catch((error: unknown) => {
    if (!(error instanceof ThumbnailError)) throw error
    ctx.log.info({ err: error, sha256: source }, 'no thumbnail')
    return null
  })
  const blob = picture && (await store.put(Readable.from([picture]), { maxBytes: picture.length }))
  return ctx.write(async ({ sql }) => {
    if (blob) {
      await lockBlob(sql, blob.sha256)
      await insertBlob(sql, { ...blob, scan: 'clean' })
    }
    await insertThumbnail(sql, source, size, blob?.sha256 ?? null)
    return (await findThumbnail(sql, source, size))?.sha256 ?? null
  })
}

const noThumbnail = (): Problem => new Problem(404, 'no_thumbnail', 'There is no picture of this file')
