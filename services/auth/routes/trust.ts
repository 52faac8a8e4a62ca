import { isSuite, problems, type Principal } from '@ait/kit'
import { useApiToken } from '../db/api-tokens.ts'
import { findOpenSession, lockRefreshToken } from '../db/sessions.ts'
import type { ApiTokensRow } from '../db/types.ts'
import { findAccount } from '../db/users.ts'
import { verifyAccessToken } from '../domain/access-token.ts'
import { hashToken, looksLikeApiToken } from '../domain/opaque-token.ts'
import { route, type AuthContext, type AuthUnit } from '../kit.ts'
import { endSessions } from '../sessions/end.ts'
import { revokeApiToken } from './tokens.ts'

type PublicKey = Record<'kid' | 'kty' | 'crv' | 'x' | 'y' | 'alg' | 'use', string>

export const getJwks = route('getJwks', async (ctx) => {
  ctx.reply.header('cache-control', 'public, max-age=300')
  return (await ctx.deps.keys.published()) as { keys: PublicKey[] }
})

export const introspectToken = route('introspectToken', async (ctx) => {
  requireSuite(ctx)
  const token = await apiToken(ctx, ctx.body.token)
  return { principal: (token && (await principalOf(ctx, token))) as never }
})

export const listRevocations = route('listRevocations', (ctx) => {
  requireSuite(ctx)
  return ctx.deps.revocations.read(ctx.query.after)
})

/** Only the suite's own services: a token made for an outside one does not open what is internal. */
export function requireSuite({ principal }: Pick<AuthContext, 'principal'>): void {
  if (!isSuite(principal)) throw problems.forbidden()
}

const inactive = { active: false }

export const introspect = route('introspect', async (ctx) => {
  const { token } = ctx.body
  const api = await apiToken(ctx, token)
  if (api) return describeApiToken(ctx, api)
  const claims = await accessToken(ctx, token)
  if (claims && (await findOpenSession(ctx.sql, claims.sid))) {
    const { sub, email: username, sid, exp, iat } = claims
    return { active: true, token_type: 'access_token', sub, username, sid, exp, iat }
  }
  return ctx.write(async ({ sql }) => {
    const refresh = await lockRefreshToken(sql, hashToken(token))
    if (!refresh || refresh.used_at || refresh.ended_at) return inactive
    return { active: true, token_type: 'refresh_token', sub: refresh.user_id, sid: refresh.session_id }
  })
})

/** Whoever has a token may end it: finding one on the street is reason enough. */
export const revoke = route('revoke', async (ctx) => {
  const { token } = ctx.body
  const api = await apiToken(ctx, token)
  if (api) return revokeApiToken(ctx, api)
  const refresh = await lockRefreshToken(ctx.sql, hashToken(token))
  const sid = refresh?.session_id ?? (await accessToken(ctx, token))?.sid
  if (sid) await endSessions(ctx, [sid], 'revoked')
})

async function apiToken(unit: Pick<AuthUnit, 'sql' | 'now'>, token: string): Promise<ApiTokensRow | null> {
  return looksLikeApiToken(token)
    ? ((await useApiToken(unit.sql, hashToken(token), unit.now())) ?? null)
    : null
}

/** Claims of an access token that we signed and that has not expired. */
async function accessToken(unit: Pick<AuthUnit, 'deps' | 'config' | 'now'>, token: string) {
  const { deps, config } = unit
  const rules = { issuer: config.PUBLIC_URL, audience: config.TOKEN_AUDIENCE, now: unit.now() }
  return verifyAccessToken(token, await deps.keys.published(), rules)
}

async function describeApiToken(ctx: Pick<AuthUnit, 'sql'>, token: ApiTokensRow) {
  const principal = await principalOf(ctx, token)
  if (!principal || principal.kind === 'nobody') return inactive
  return {
    active: true,
    token_type: 'api_token',
    sub: principal.id,
    scope: token.scopes.join(' '),
    ...(principal.kind === 'user' && { username: principal.email }),
    ...(token.expires_at && { exp: Math.floor(Date.parse(token.expires_at) / 1000) }),
    iat: Math.floor(Date.parse(token.created_at) / 1000),
  }
}

/** Null when the owner's account is gone or disabled. */
async function principalOf({ sql }: Pick<AuthUnit, 'sql'>, token: ApiTokensRow): Promise<Principal | null> {
  if (token.user_id === null) return { kind: 'service', id: token.id, scopes: token.scopes }
  const owner = await findAccount(sql, token.user_id)
  if (!owner || owner.disabled_at) return null
  const { id, email, full_name: name, groups, permissions } = owner
  const role = owner.role as 'admin' | 'user' | 'guest'
  return { kind: 'user', id, email, name, role, groups, permissions, sid: token.id, scopes: token.scopes }
}
