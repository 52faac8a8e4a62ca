import { createHash } from 'node:crypto'
import { problems, requireVersion } from '@ait/kit'
import { changeAccount } from '../accounts/change.ts'
import { checkTimeZone } from '../accounts/checks.ts'
import { lockOwnAccount, ownAccount } from '../accounts/person.ts'
import { toUser } from '../accounts/present.ts'
import { deleteAvatarRow, findAvatar, saveAvatar } from '../db/avatars.ts'
import { imageType } from '../domain/image-type.ts'
import { route } from '../kit.ts'

export const getMe = route('getMe', async (ctx) => {
  const account = await ownAccount(ctx)
  ctx.etag(account.version)
  return toUser(account)
})

export const updateMe = route('updateMe', async (ctx) => {
  checkTimeZone(ctx.body.time_zone)
  const account = await lockOwnAccount(ctx)
  requireVersion(account.version, ctx.ifMatch)
  const changed = await changeAccount(ctx, account, ctx.body)
  ctx.etag(changed.version)
  return toUser(changed)
})

const avatarLimitBytes = 524_288

export const putAvatar = route('putAvatar', async (ctx) => {
  const bytes = await readLimited(ctx.request.raw, avatarLimitBytes)
  const mediaType = imageType(bytes)
  if (!mediaType) throw problems.unsupportedMediaType('Send a PNG, JPEG, WebP or GIF image')
  const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 16)
  const changed = await ctx.write(async (unit) => {
    const account = await lockOwnAccount({ ...unit, principal: ctx.principal })
    await saveAvatar(unit.sql, { user_id: account.id, media_type: mediaType, bytes, hash })
    return changeAccount(unit, account, {})
  })
  return toUser(changed)
})

export const deleteAvatar = route('deleteAvatar', async (ctx) => {
  const account = await lockOwnAccount(ctx)
  if (await deleteAvatarRow(ctx.sql, account.id)) await changeAccount(ctx, account, {})
})

export const getAvatar = route('getAvatar', async (ctx) => {
  const avatar = await findAvatar(ctx.sql, ctx.params.id)
  if (!avatar) throw problems.notFound()
  // Its address changes with the picture, so it may be kept; but only under the address that names it.
  const fixed = ctx.query.v === avatar.hash
  return ctx.reply
    .header('cache-control', fixed ? 'public, max-age=31536000, immutable' : 'no-cache')
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "default-src 'none'; sandbox")
    .header('etag', `"${avatar.hash}"`)
    .type(avatar.media_type)
    .send(avatar.bytes)
})

async function readLimited(stream: AsyncIterable<Buffer>, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > limitBytes) throw problems.tooLarge(limitBytes, 'The picture')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
