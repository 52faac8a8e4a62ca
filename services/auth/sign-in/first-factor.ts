import type { Static } from '@ait/kit'
import type { MfaChallenge } from '../contract/schemas.ts'
import { insertChallenge } from '../db/challenges.ts'
import { countRecoveryCodes, findTotp, passkeysOf } from '../db/factors.ts'
import type { Account } from '../db/users.ts'
import type { AuthUnit } from '../kit.ts'
import type { Device } from '../sessions/device.ts'
import { startSession, type Tokens } from '../sessions/start.ts'

type Challenge = Static<typeof MfaChallenge>

const mfaSeconds = 300

/** Somebody has proved one factor: tokens, or the demand for the second when the account has one. */
export async function passFirstFactor(
  unit: AuthUnit,
  account: Account,
  device: Device,
  methods: string[],
): Promise<Tokens | Challenge> {
  if (!account.mfa_enabled) return startSession(unit, account, device, methods)
  const expiresAt = new Date(unit.now().getTime() + mfaSeconds * 1000)
  const challenge = { kind: 'mfa' as const, userId: account.id, data: { methods }, expiresAt }
  return {
    mfa_required: true,
    mfa_token: await insertChallenge(unit.sql, challenge),
    methods: await factorsOf(unit, account.id),
    expires_in: mfaSeconds,
  }
}

/** The second factors this account can offer. */
async function factorsOf({ sql }: Pick<AuthUnit, 'sql'>, userId: string): Promise<Challenge['methods']> {
  const totp = await findTotp(sql, userId)
  const passkeys = await passkeysOf(sql, userId)
  return [
    ...(totp?.confirmed_at ? (['totp'] as const) : []),
    ...(passkeys.length > 0 ? (['passkey'] as const) : []),
    ...((await countRecoveryCodes(sql, userId)) > 0 ? (['recovery_code'] as const) : []),
  ]
}
