import { Problem, problems, type CallAnswer, type Transport } from '@ait/kit'
import type { FastifyRequest } from 'fastify'
import { cookieValue, sessionCookie } from '../domain/cookies.ts'
import { route } from '../kit.ts'

export const createSession = route('createSession', async (ctx) => {
  const { body, deps, request, reply, transport } = ctx
  const login = body.refresh_token ? null : await signIn(transport, request, body)
  if (login?.['mfa_required']) {
    const { mfa_token, methods } = login
    return { signed_in: false, mfa_required: true, mfa_token, methods }
  }
  const refresh_token = body.refresh_token ?? login?.['refresh_token']
  const made = await ask(transport, request, '/internal/browser-sessions', { refresh_token })
  const maxAgeSeconds = Math.max(0, Math.floor((Date.parse(made['expires_at']) - Date.now()) / 1000))
  reply.header('set-cookie', sessionCookie(made['secret'], { secure: deps.isHttps, maxAgeSeconds }))
  reply.header('cache-control', 'no-store')
  const { user, session_id, expires_at } = made
  return { signed_in: true, user, session_id, expires_at }
})

export const getSession = route('getSession', async ({ principal, reply }) => {
  if (principal.kind !== 'user') throw problems.forbidden('Only people have sessions')
  reply.header('cache-control', 'no-store')
  const { id, email, name, role, groups, permissions } = principal
  return { id, email, name, role, groups: [...groups], permissions: [...permissions] }
})

export const deleteSession = route('deleteSession', async ({ deps, request, reply, transport }) => {
  const secret = cookieValue(request.headers.cookie, deps.cookieName)
  if (secret) {
    deps.sessions.forget(secret)
    await ask(transport, request, '/internal/browser-sessions/end', { secret })
  }
  reply.header('set-cookie', sessionCookie('', { secure: deps.isHttps, maxAgeSeconds: 0 }))
})

interface Credentials {
  email?: string
  password?: string
  mfa_token?: string
  code?: string
  recovery_code?: string
  passkey?: Record<string, unknown>
}

function signIn(
  transport: Transport,
  request: FastifyRequest,
  given: Credentials,
): Promise<Record<string, any>> {
  const { email, password, mfa_token, ...factor } = given
  if (mfa_token !== undefined) {
    const { code, recovery_code, passkey } = factor
    return ask(transport, request, '/api/v1/auth/login/mfa', { mfa_token, code, recovery_code, passkey })
  }
  if (email === undefined) throw problems.invalid(['body', 'email'], 'is missing', 'missing')
  if (password === undefined) throw problems.invalid(['body', 'password'], 'is missing', 'missing')
  return ask(transport, request, '/api/v1/auth/login', { email, password })
}

/** Asks auth on behalf of the browser, whose address and name it is to see. Its refusals pass on as they are. */
async function ask(
  transport: Transport,
  request: FastifyRequest,
  path: string,
  body: Record<string, unknown>,
): Promise<Record<string, any>> {
  const agent = request.headers['user-agent']
  const headers = { 'x-forwarded-for': request.ip, ...(agent !== undefined && { 'user-agent': agent }) }
  const answer = await transport({ service: 'auth', method: 'POST', path, body, headers, timeoutMs: 10_000 })
  if (answer.status >= 400) throw refusalOf(answer)
  return answer.body ?? {}
}

function refusalOf({ status, body, headers }: CallAnswer): Problem {
  // The gateway's own token was refused: nothing that the person could do about.
  if (body?.code === 'forbidden' || typeof body?.code !== 'string')
    return problems.unavailable('Signing in is not possible right now', 'auth_unavailable')
  const retryAfter = headers['retry-after']
  return new Problem(status, body.code, body.detail, {
    errors: body.errors,
    ...(retryAfter && { headers: { 'retry-after': String(retryAfter) } }),
  })
}
