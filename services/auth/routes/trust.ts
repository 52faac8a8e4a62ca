import { problems, type Principal, type Sql } from '@ait/kit'
import { useApiToken } from '../db/api-tokens.ts'
import { findAccount } from '../db/users.ts'
import { hashToken, looksLikeApiToken } from '../domain/opaque-token.ts'
import { route, type AuthContext } from '../kit.ts'

export const getJwks = route('getJwks', async (ctx) => {
  ctx.reply.header('cache-control', 'public, max-age=300')
  return (await ctx.deps.keys.published()) as {
    keys: Record<'kid' | 'kty' | 'crv' | 'x' | 'y' | 'alg' | 'use', string>[]
  }
})

export const introspectToken = route('introspectToken', async (ctx) => {
  requireSuite(ctx)
  return { principal: (await principalOfApiToken(ctx.sql, ctx.body.token, ctx.now())) as never }
})

export const listRevocations = route('listRevocations', (ctx) => {
  requireSuite(ctx)
  return ctx.deps.revocations.read(ctx.query.after ?? 0)
})

/** Only the suite's own services: a token made for an outside one does not open what is internal. */
export function requireSuite({ principal }: Pick<AuthContext, 'principal'>): void {
  if (principal.kind !== 'service' || principal.scopes) throw problems.forbidden()
}

/** Null when the token is unknown, expired or revoked, or its owner's account is gone or disabled. */
async function principalOfApiToken(sql: Sql, token: string, now: Date): Promise<Principal | null> {
  const row = looksLikeApiToken(token) ? await useApiToken(sql, hashToken(token), now) : undefined
  if (!row) return null
  if (row.user_id === null) return { kind: 'service', id: row.id, scopes: row.scopes }
  const owner = await findAccount(sql, row.user_id)
  if (!owner || owner.disabled_at) return null
  const { id, email, full_name: name, groups, permissions } = owner
  const role = owner.role as 'admin' | 'user' | 'guest'
  return { kind: 'user', id, email, name, role, groups, permissions, sid: row.id, scopes: row.scopes }
}
