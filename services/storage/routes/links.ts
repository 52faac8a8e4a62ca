import { randomBytes } from 'node:crypto'

import { linkId, newId, principalId, Problem, problems, type Sql } from '@ait/kit'

import { afterFailure, linkVerdict, lockedFor } from '../domain/links.ts'
import { expiresAt } from '../domain/presign.ts'
import {
  countDownload,
  countFailure,
  deleteLink as removeLink,
  findLink,
  insertLink,
  listLinks as linksOf,
  lockLink,
} from '../db/links.ts'
import { findVersion } from '../db/contents.ts'
import { findEntry, type EntryRow } from '../db/queries.ts'
import type { LinksRow } from '../db/types.ts'
import { sendContent } from '../download/send.ts'
import { route, type StorageContext } from '../kit.ts'
import { hashPassword, isPassword } from '../links/password.ts'
import { openArchive } from './archives.ts'

const GRANT_SECONDS = 600

export const listLinks = route('listLinks', async (ctx) => {
  const entry = await ctx.find('entry', ctx.params.id, 'share')
  const page = ctx.pageOf(await linksOf(ctx.sql, entry.id, ctx.page), (row) => [row.id])
  return { ...page, items: page.items.map(presentLink) }
})

export const createLink = route('createLink', async (ctx) => {
  const entry = await ctx.find('entry', ctx.params.id, 'share')
  const { password, expires_at = null, downloads_max = null } = ctx.body
  if (expires_at !== null && new Date(expires_at) <= ctx.now())
    throw problems.invalid(['body', 'expires_at'], 'is in the past')
  const token = randomBytes(24).toString('base64url')
  const link = await insertLink(ctx.sql, {
    id: newId(),
    entry_id: entry.id,
    token_hash: linkId(token),
    password_hash: password === undefined ? null : await hashPassword(password),
    expires_at,
    downloads_max,
    created_by: principalId(ctx.principal) as string,
  })
  await ctx.audit('link.created', { type: 'entry', id: entry.id }, { link_id: link.id })
  return { ...presentLink(link), token, url: addressOf(ctx, token) }
})

export const deleteLink = route('deleteLink', async (ctx) => {
  const entry = await ctx.find('entry', ctx.params.id, 'share')
  if ((await removeLink(ctx.sql, entry.id, ctx.params.link_id)).length === 0) throw problems.notFound()
  await ctx.audit('link.deleted', { type: 'entry', id: entry.id }, { link_id: ctx.params.link_id })
})

export const getLink = route('getLink', async (ctx) => {
  const { link, entry } = await findOpen(ctx.sql, ctx.params.token, ctx.now())
  return presentOpen(link, entry, link.password_hash === null)
})

export const openLink = route('openLink', async (ctx) => {
  const { token } = ctx.params
  const { link, entry } = await findOpen(ctx.sql, token, ctx.now())
  if (link.password_hash !== null) await requirePassword(ctx, link.id, link.password_hash, ctx.body.password)
  const counted = await count(ctx.sql, link.id)
  const expires = expiresAt(ctx.now(), GRANT_SECONDS)
  const grant = ctx.deps.signer.sign({ method: 'LINK', link: link.id, expires })
  return { ...presentOpen(counted, entry, true), download_url: `${addressOf(ctx, token)}?grant=${grant}` }
})

/** Each attempt counts before it is checked, so that many at once are not more than many in a row. */
async function requirePassword(ctx: StorageContext, id: string, hash: string, password: string | undefined) {
  if (password === undefined) throw passwordRequired()
  await ctx.write(async ({ sql, now }) => {
    const link = await lockLink(sql, id)
    if (!link) throw problems.notFound()
    const wait = lockedFor(link, now())
    if (wait > 0) throw problems.tooMany(wait / 1000, 'Too many wrong passwords: try again later')
    await countFailure(sql, id, afterFailure(link, now()))
  })
  if (!(await isPassword(password, hash)))
    throw new Problem(403, 'wrong_password', 'The password is wrong', {
      errors: [{ loc: ['body', 'password'], msg: 'is wrong', type: 'wrong_password' }],
    })
}

export const downloadLink = route('downloadLink', async (ctx) => {
  const link = await findLink(ctx.sql, linkId(ctx.params.token))
  const granted =
    link && ctx.query.grant && ctx.deps.signer.verify('LINK', ctx.query.grant, ctx.now())?.link === link.id
  const { entry } = await findOpen(ctx.sql, ctx.params.token, ctx.now(), granted ? ['used_up'] : [])
  if (link && !granted) {
    if (link.password_hash !== null) throw passwordRequired()
    if (ctx.request.method === 'GET') await count(ctx.sql, link.id)
  }
  return sendEntry(ctx, entry)
})

async function sendEntry(ctx: StorageContext, entry: EntryRow) {
  if (entry.kind === 'folder') {
    const archive = await openArchive(ctx.sql, ctx.deps.store, entry, ctx.config.STORAGE_TREE_MAX_ENTRIES)
    return ctx.reply.headers(archive.headers).send(ctx.request.method === 'HEAD' ? null : archive.stream())
  }
  const version = await findVersion(ctx.sql, entry.id, entry.revision as number)
  if (!version) throw problems.notFound()
  return sendContent(ctx, { ...version, name: entry.name }, ctx.query.inline ? 'inline' : 'attachment')
}

/** @throws Problem 404 unknown, or what it led to is gone; 410 over; 429 locked. */
async function findOpen(sql: Sql, token: string, now: Date, ignored: readonly string[] = []) {
  const link = await findLink(sql, linkId(token))
  const entry = link && (await findEntry(sql, link.entry_id))
  if (!entry) throw problems.notFound()
  const verdict = linkVerdict(link, now)
  if (verdict === 'expired') throw problems.gone('This link has expired')
  if (verdict === 'used_up' && !ignored.includes('used_up')) throw problems.gone('This link has been used up')
  return { link, entry }
}

/** @throws Problem 410 when somebody else took the last download meanwhile. */
async function count(sql: Sql, id: string): Promise<LinksRow> {
  const [counted] = await countDownload(sql, id)
  if (!counted) throw problems.gone('This link has been used up')
  return counted
}

const passwordRequired = (): Problem => new Problem(403, 'password_required', 'This link needs its password')

const addressOf = ({ config }: StorageContext, token: string): string =>
  `${config.PUBLIC_URL}/api/v1/storage/links/${token}/download`

function presentLink({
  id,
  entry_id,
  password_hash,
  expires_at,
  downloads_max,
  downloads,
  created_by,
  created_at,
}: LinksRow) {
  return {
    id,
    entry_id,
    has_password: password_hash !== null,
    expires_at,
    downloads_max,
    downloads,
    created_by,
    created_at,
  }
}

/** What a visitor sees; of what it leads to nothing but the kind before the password. */
function presentOpen(link: LinksRow, entry: EntryRow, open: boolean) {
  return {
    kind: entry.kind,
    name: open ? entry.name : null,
    size: open ? entry.size : null,
    content_type: open ? entry.content_type : null,
    password_required: link.password_hash !== null,
    expires_at: link.expires_at,
    downloads_left: link.downloads_max === null ? null : link.downloads_max - link.downloads,
  }
}
