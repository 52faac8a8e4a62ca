import { newId, problems, type Static } from '@ait/kit'
import { person } from '../accounts/person.ts'
import type { ApiToken, NewApiToken } from '../contract/account.ts'
import { findServiceToken, insertApiToken, listApiTokens, markRevoked } from '../db/api-tokens.ts'
import { insertRevocations } from '../db/revocations.ts'
import type { ApiTokensRow } from '../db/types.ts'
import { generateApiToken, hashToken } from '../domain/opaque-token.ts'
import { route, type AuthUnit } from '../kit.ts'
import { ownSession } from '../sign-in/recent.ts'

const hintLength = 8

export const listTokens = route('listTokens', async (ctx) => {
  const rows = await listApiTokens(ctx.sql, person(ctx).id, ctx.page)
  const page = ctx.pageOf(rows, (row) => [row.id])
  return { ...page, items: page.items.map(present) }
})

export const createToken = route('createToken', async (ctx) => {
  const { user_id } = await ownSession(ctx)
  return create(ctx, user_id, user_id, ctx.body)
})

export const revokeToken = route('revokeToken', async (ctx) => {
  const token = await ctx.find('token', ctx.params.id, 'revoke')
  await revokeApiToken(ctx, token)
})

export const listServiceTokens = route('listServiceTokens', async (ctx) => {
  const rows = await listApiTokens(ctx.sql, null, ctx.page)
  const page = ctx.pageOf(rows, (row) => [row.id])
  return { ...page, items: page.items.map(present) }
})

export const createServiceToken = route('createServiceToken', async (ctx) => {
  const { user_id } = await ownSession(ctx)
  return create(ctx, null, user_id, ctx.body)
})

export const revokeServiceToken = route('revokeServiceToken', async (ctx) => {
  const token = await findServiceToken(ctx.sql, ctx.params.id)
  if (!token) throw problems.notFound()
  await revokeApiToken(ctx, token)
})

/** Stops working in every service within a second. */
export async function revokeApiToken(unit: AuthUnit, token: ApiTokensRow): Promise<void> {
  await markRevoked(unit.sql, [token.id], unit.now())
  await insertRevocations(unit.sql, [token.id], unit.now())
  await unit.audit('token.revoked', { type: 'token', id: token.id }, { name: token.name })
}

/** @param userId as whom it acts; null: as a service */
async function create(
  unit: AuthUnit,
  userId: string | null,
  createdBy: string,
  asked: Static<typeof NewApiToken>,
) {
  const { name, scopes, expires_at = null } = asked
  if (expires_at && Date.parse(expires_at) <= unit.now().getTime())
    throw problems.invalid(['body', 'expires_at'], 'must be in the future')
  const token = generateApiToken()
  const row = await insertApiToken(unit.sql, {
    id: newId(),
    user_id: userId,
    name,
    hash: hashToken(token),
    hint: token.slice(0, hintLength),
    scopes,
    created_by: createdBy,
    expires_at,
  })
  const kind = userId ? 'personal' : 'service'
  await unit.audit('token.created', { type: 'token', id: row.id }, { kind, name, scopes, expires_at })
  return { ...present(row), token }
}

function present(row: ApiTokensRow): Static<typeof ApiToken> {
  const { id, name, hint, scopes, created_at, expires_at, last_used_at } = row
  return { id, name, hint, scopes, created_at, expires_at, last_used_at }
}
