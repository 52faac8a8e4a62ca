import { findFor, principalId, Problem, problems, type Principal } from '@ait/kit'

import { expiresAt, type Grant, type SignedBy } from '../domain/presign.ts'
import { findVersion } from '../db/contents.ts'
import type { FileRow } from '../db/queries.ts'
import { openQuota } from '../db/quotas.ts'
import { sendContent } from '../download/send.ts'
import { route, type StorageContext } from '../kit.ts'
import { policy } from '../policy.ts'
import { nameFrom, placeFrom } from '../upload/place.ts'
import { fromBody, receive, requireChecksum, tooLarge, undoingArrival } from '../upload/receive.ts'
import { saveUpload } from '../upload/save.ts'
import { limitFor } from './files.ts'
import { present } from './present.ts'

export const presignUpload = route('presignUpload', async (ctx) => {
  const { body, principal, sql } = ctx
  const name = nameFrom(body.name, ['body', 'name'])
  const { owner, id } = await placeFrom(sql, body.folder_id ?? null, principal)
  const limit = await limitFor(sql, ctx.config, owner)
  if (body.size > limit.maxBytes) throw tooLarge(limit)
  await openQuota(sql, owner)
  const expires = await expiryFor(ctx, id, 'edit')
  const bound = { folder: id, name, length: body.size, sha256: body.sha256 ?? null }
  return presigned(ctx, { method: 'PUT', by: signedBy(principal), ...bound, expires })
})

export const presignDownload = route('presignDownload', async (ctx) => {
  const file = (await ctx.find('entry', ctx.body.file_id, 'view')) as FileRow
  if (file.kind !== 'file') throw problems.notFound()
  const expires = await expiryFor(ctx, file.id, 'view')
  return presigned(ctx, {
    method: 'GET',
    by: signedBy(ctx.principal),
    file: file.id,
    revision: file.revision,
    expires,
  })
})

/** As long as an access token lives, which names groups too: who leaves one keeps its rights no longer. */
const GROUP_SECONDS_MAX = 900

/** When an address ends: as wanted, but early if its signer may do that only as a member of a group. */
async function expiryFor(ctx: StorageContext, entry: string | null, ability: string): Promise<number> {
  const wanted = ctx.body.expires_in ?? 3600
  const alone = { ...signedBy(ctx.principal), groups: [] } as unknown as Principal
  const isTheirs = entry === null || (await mayAlone(ctx, entry, ability, alone))
  return expiresAt(ctx.now(), isTheirs ? wanted : Math.min(wanted, GROUP_SECONDS_MAX))
}

const mayAlone = (
  { sql }: StorageContext,
  entry: string,
  ability: string,
  alone: Principal,
): Promise<boolean> =>
  findFor(sql, policy, 'entry', entry, ability, alone).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Problem) return false
      throw error
    },
  )

function presigned({ deps, config }: StorageContext, grant: Exclude<Grant, { method: 'LINK' }>) {
  const url = `${config.PUBLIC_URL}/api/v1/storage/presigned?grant=${deps.signer.sign(grant)}`
  return { method: grant.method, url, expires_at: new Date(grant.expires * 1000).toISOString() }
}

export const putPresigned = route('putPresigned', async (ctx) => {
  const { deps, config } = ctx
  const grant = deps.signer.verify('PUT', ctx.query.grant, ctx.now())
  if (!grant) throw refused()
  const by = grant.by as unknown as Principal
  const limit = { maxBytes: grant.length, by: 'file' as const }
  return undoingArrival(ctx, async (arrived) => {
    const options = { limit, stallMs: config.STORAGE_STALL_TIMEOUT_MS }
    const content = await fromBody(ctx.request.raw, options, async (body) =>
      arrived(await receive(deps.store, body, grant.name, limit)),
    )
    requireChecksum(content, grant)
    const saved = await ctx.write(async (unit) => {
      // What the signer may no longer do, the address cannot do either.
      const place = await placeFrom(unit.sql, grant.folder, by)
      return saveUpload(unit, { target: { place }, name: grant.name, content, onConflict: 'version', by })
    })
    return present(saved)
  })
})

export const getPresigned = route('getPresigned', async (ctx) => {
  const grant = ctx.deps.signer.verify('GET', ctx.query.grant, ctx.now())
  if (!grant) throw refused()
  const file = (await findFor(
    ctx.sql,
    policy,
    'entry',
    grant.file,
    'view',
    grant.by as unknown as Principal,
  )) as FileRow
  const version = await findVersion(ctx.sql, file.id, grant.revision)
  if (!version) throw problems.notFound()
  return sendContent(ctx, { ...version, name: file.name }, ctx.query.inline ? 'inline' : 'attachment')
})

/** Who signed, as far as their rights on entries go. */
function signedBy(principal: Principal): SignedBy {
  const id = principalId(principal) as string
  return { kind: principal.kind, id, groups: principal.kind === 'user' ? principal.groups : [] }
}

const refused = (): Problem => new Problem(403, 'grant_invalid', 'This address is not valid, or no longer')
