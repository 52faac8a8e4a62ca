import { problems } from '@ait/kit'
import type { FastifyReply } from 'fastify'
import { ownAccount } from '../accounts/person.ts'
import { insertChallenge, takeChallenge, type Challenge } from '../db/challenges.ts'
import { passkeysOf } from '../db/factors.ts'
import { countIdentities, deleteIdentity, listIdentities as readIdentities } from '../db/identities.ts'
import { findAccount, type Account } from '../db/users.ts'
import { equalSecrets, generateOpaqueToken, hashToken } from '../domain/opaque-token.ts'
import { route, type AuthContext, type AuthUnit } from '../kit.ts'
import { accountOf, linkTo, type OauthRefusal } from '../oauth/login.ts'
import { LoginRejected, ProviderUnavailable, type FinishedLogin } from '../oauth/oidc.ts'
import { KNOWN_PROVIDERS } from '../oauth/providers.ts'
import { deviceOf } from '../sessions/device.ts'
import { passFirstFactor } from '../sign-in/first-factor.ts'
import { recentSession } from '../sign-in/recent.ts'
import { refuseDisabled } from './login.ts'

type OauthContext = AuthContext & { reply: FastifyReply }

const loginMs = 10 * 60_000
const codeMs = 60_000
const cookieName = 'ait_oauth'
const cookiePath = '/api/v1/auth/oauth'

export const startOauth = route('startOauth', async (ctx) => {
  const returnTo = ctx.query.return_to ?? null
  ctx.reply.header('location', await begin(ctx, ctx.params.provider, { returnTo, userId: null }))
})

export const linkIdentity = route('linkIdentity', async (ctx) => {
  const { user_id: userId } = await recentSession(ctx)
  return { url: await begin(ctx, ctx.params.provider, { returnTo: ctx.body.return_to ?? null, userId }) }
})

export const finishOauth = route('finishOauth', async (ctx) => {
  const { state } = ctx.query as { state?: string }
  const started =
    typeof state === 'string' ? await takeChallenge(ctx.sql, 'oauth', state, ctx.now()) : undefined
  clearCookie(ctx.reply)
  if (
    !started ||
    !isOwnBrowser(ctx, started.data.browserHash) ||
    started.data.provider !== ctx.params.provider
  )
    return sendBack(ctx, null, { error: 'login_expired' })
  const login = await finish(ctx, started)
  if ('error' in login) return sendBack(ctx, started, login)
  const result = await ctx.write((unit) => settle(unit, started, login))
  // The code is for this browser too.
  if ('code' in result) ctx.reply.removeHeader('set-cookie')
  return sendBack(ctx, started, result)
})

/** The one-time code or the reason why not, for the page that the browser is sent to. */
async function settle(
  unit: AuthUnit,
  started: Challenge<'oauth'>,
  login: FinishedLogin,
): Promise<Record<string, string>> {
  const owner = started.user_id ? await findAccount(unit.sql, started.user_id) : undefined
  const outcome = started.data.link && owner ? await linkTo(unit, login, owner) : await accountOf(unit, login)
  if ('refused' in outcome) return { error: outcome.refused satisfies OauthRefusal }
  if (started.data.link) return { linked: login.provider }
  const expiresAt = new Date(unit.now().getTime() + codeMs)
  const data = { methods: [login.provider], browserHash: started.data.browserHash }
  const { id: userId } = outcome.account
  return { code: await insertChallenge(unit.sql, { kind: 'login_code', userId, data, expiresAt }) }
}

export const completeOauth = route('completeOauth', async (ctx) => {
  const tokens = await ctx.write(async (unit) => {
    const challenge = await takeChallenge(unit.sql, 'login_code', ctx.body.code, unit.now())
    const account = challenge?.user_id && (await findAccount(unit.sql, challenge.user_id))
    if (!challenge || !account || !isOwnBrowser(ctx, challenge.data.browserHash))
      throw problems.unauthorized('Too late: sign in again', 'invalid_code')
    refuseDisabled(account)
    return passFirstFactor(unit, account, deviceOf(ctx.request), challenge.data.methods)
  })
  clearCookie(ctx.reply)
  return tokens
})

export const listIdentities = route('listIdentities', async (ctx) => {
  const { id } = await ownAccount(ctx)
  const page = ctx.pageOf(await readIdentities(ctx.sql, id, ctx.page), (row) => [row.provider])
  const items = page.items.map(({ provider, email, created_at, last_used_at }) => {
    const name = ctx.deps.providers.get(provider)?.name ?? KNOWN_PROVIDERS[provider] ?? provider
    return { provider, name, email, created_at, last_used_at }
  })
  return { ...page, items }
})

export const unlinkIdentity = route('unlinkIdentity', async (ctx) => {
  await recentSession(ctx)
  const account = await ownAccount(ctx)
  if (await isOnlyWayIn(ctx, account))
    throw problems.conflict(
      'last_way_in',
      'Set a password or add a passkey first: there would be no way left to sign in',
    )
  if (!(await deleteIdentity(ctx.sql, account.id, ctx.params.provider))) throw problems.notFound()
  await ctx.audit('identity.unlinked', { type: 'user', id: account.id }, { provider: ctx.params.provider })
})

async function isOnlyWayIn({ sql }: Pick<AuthUnit, 'sql'>, account: Account): Promise<boolean> {
  if (account.password_hash) return false
  return (await passkeysOf(sql, account.id)).length === 0 && (await countIdentities(sql, account.id)) < 2
}

/** @throws Problem 404 for a provider nobody knows, 503 for one that is not configured */
function providerOf({ deps }: Pick<AuthUnit, 'deps'>, id: string) {
  const provider = deps.providers.get(id)
  if (provider) return provider
  const name = KNOWN_PROVIDERS[id]
  if (!name) throw problems.notFound()
  const variable = `OAUTH_${id.toUpperCase()}_CLIENT_ID`
  throw problems.unavailable(
    `Sign-in with ${name} is not configured: set ${variable}`,
    'provider_not_configured',
  )
}

/** Remembers a login that sets out and gives the provider's address. */
async function begin(
  ctx: OauthContext,
  id: string,
  options: { returnTo: string | null; userId: string | null },
) {
  const provider = providerOf(ctx, id)
  const { url, state, nonce, codeVerifier } = await provider.client
    .start(`${ctx.config.PUBLIC_URL}${cookiePath}/${id}/callback`)
    .catch((error: unknown) => {
      if (!(error instanceof ProviderUnavailable)) throw error
      ctx.log.warn({ err: error }, 'provider')
      throw problems.unavailable(
        `${provider.name} cannot be reached: try again later`,
        'provider_unavailable',
      )
    })
  const browser = generateOpaqueToken()
  const browserHash = hashToken(browser).toString('base64url')
  const { returnTo, userId } = options
  await insertChallenge(ctx.sql, {
    kind: 'oauth',
    token: state,
    userId,
    data: { provider: id, state, nonce, codeVerifier, browserHash, returnTo, link: userId !== null },
    expiresAt: new Date(ctx.now().getTime() + loginMs),
  })
  const secure = ctx.config.PUBLIC_URL.startsWith('https:') ? '; Secure' : ''
  const life = `Path=${cookiePath}; Max-Age=${loginMs / 1000}; HttpOnly; SameSite=Lax${secure}`
  ctx.reply.header('set-cookie', `${cookieName}=${browser}; ${life}`)
  return url
}

async function finish(
  ctx: AuthContext,
  started: Challenge<'oauth'>,
): Promise<FinishedLogin | { error: string }> {
  const provider = providerOf(ctx, started.data.provider)
  try {
    return await provider.client.finish(new URL(ctx.request.url, ctx.config.PUBLIC_URL), started.data)
  } catch (error) {
    if (!(error instanceof LoginRejected) && !(error instanceof ProviderUnavailable)) throw error
    ctx.log.info({ err: error }, 'provider login')
    return { error: error instanceof LoginRejected ? 'login_rejected' : 'provider_unavailable' }
  }
}

/** In the fragment, which neither servers nor the Referer header see. */
function sendBack(
  ctx: OauthContext,
  started: Challenge<'oauth'> | null,
  result: Record<string, string>,
): void {
  const returnTo = started?.data.returnTo
  const page = started?.data.link ? (returnTo ?? '/settings/security') : '/sign-in/complete'
  const fragment = new URLSearchParams({ ...result, ...(returnTo && { return_to: returnTo }) })
  ctx.reply.header('location', `${ctx.config.AUTH_WEB_URL}${page}#${fragment}`)
}

/** Only the browser that set out may come back: else somebody could be signed in to another's account. */
const isOwnBrowser = (ctx: Pick<AuthContext, 'request'>, browserHash: string): boolean =>
  equalSecrets(hashToken(browserOf(ctx)).toString('base64url'), browserHash)

const browserOf = ({ request }: Pick<AuthContext, 'request'>): string =>
  new RegExp(`(?:^|;\\s*)${cookieName}=([\\w-]+)`).exec(request.headers.cookie ?? '')?.[1] ?? ''

const clearCookie = (reply: FastifyReply) =>
  reply.header('set-cookie', `${cookieName}=; Path=${cookiePath}; Max-Age=0; HttpOnly; SameSite=Lax`)
