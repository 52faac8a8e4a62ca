import { newId, type Static } from '@ait/kit'
import type { TokenPair } from '../contract/schemas.ts'
import { insertRefreshToken, insertSession } from '../db/sessions.ts'
import { markLogin, type Account } from '../db/users.ts'
import { mintAccessToken } from '../domain/access-token.ts'
import { deviceName } from '../domain/device-name.ts'
import { generateOpaqueToken, hashToken } from '../domain/opaque-token.ts'
import type { AuthUnit } from '../kit.ts'
import type { Device } from './device.ts'

export type Tokens = Static<typeof TokenPair>

/** Signs somebody in who has proved who they are by `methods`. */
export async function startSession(
  unit: AuthUnit,
  account: Account,
  device: Device,
  methods: string[],
): Promise<Tokens> {
  const id = newId()
  const now = unit.now()
  const { userAgent: user_agent, address } = device
  await insertSession(unit.sql, { id, user_id: account.id, methods, user_agent, address }, now)
  await markLogin(unit.sql, account.id, now)
  const refreshToken = generateOpaqueToken()
  await insertRefreshToken(unit.sql, { hash: hashToken(refreshToken), session_id: id, user_agent }, now)
  await unit.audit('login.succeeded', { type: 'user', id: account.id }, { session_id: id, methods })
  const started = { id, user_id: account.id, device: deviceName(user_agent), address }
  await unit.emit('auth.session.started.v1', id, started)
  return tokensFor(unit, account, id, refreshToken)
}

export async function tokensFor(
  unit: AuthUnit,
  account: Account,
  sessionId: string,
  refreshToken: string,
): Promise<Tokens> {
  const { token, expiresIn } = await accessTokenFor(unit, account, sessionId)
  return { access_token: token, refresh_token: refreshToken, token_type: 'bearer', expires_in: expiresIn }
}

/** An access token saying what is true of the account now. */
export async function accessTokenFor(
  unit: Pick<AuthUnit, 'deps' | 'config' | 'now'>,
  account: Account,
  sessionId: string,
): Promise<{ token: string; expiresIn: number }> {
  const { config, deps } = unit
  const expiresIn = config.AUTH_ACCESS_TOKEN_SECONDS
  const { id, email, full_name: name, role, groups, permissions } = account
  const token = await mintAccessToken(
    { id, email, name, role, groups, permissions, sessionId },
    await deps.keys.current(),
    {
      issuer: config.PUBLIC_URL,
      audience: config.TOKEN_AUDIENCE,
      lifetimeSeconds: expiresIn,
      now: unit.now(),
      tokenId: newId(),
    },
  )
  return { token, expiresIn }
}
