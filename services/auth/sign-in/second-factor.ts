import { problems } from '@ait/kit'
import { findTotp, useRecoveryCode, useTotpStep } from '../db/factors.ts'
import type { Account } from '../db/users.ts'
import { hashRecoveryCode } from '../domain/recovery-codes.ts'
import { verifyTotp } from '../domain/totp.ts'
import type { AuthContext, AuthUnit } from '../kit.ts'
import { deviceOf } from '../sessions/device.ts'
import { acceptPasskey, type PasskeyAnswer } from './passkey.ts'
import { attempt } from './throttle.ts'

/** One of these proves the second factor. */
export interface SecondFactor {
  code?: string
  recovery_code?: string
  passkey?: PasskeyAnswer
}

export type FactorMethod = 'totp' | 'recovery_code' | 'passkey'

/**
 * Checks the second factor of an account and uses it up. Failures are counted apart from those of the
 * password: whoever comes here knows that already.
 * @throws Problem 401 when it is wrong or was used; 422 unless exactly one is given; 429
 */
export async function checkSecondFactor(
  ctx: AuthContext,
  account: Account,
  proof: SecondFactor,
): Promise<FactorMethod> {
  const given = [proof.code, proof.recovery_code, proof.passkey].filter((value) => value !== undefined)
  if (given.length !== 1)
    throw problems.invalid(['body', 'code'], 'give one of code, recovery_code and passkey', 'missing')
  const method = await attempt(ctx, 'mfa', account.id, deviceOf(ctx.request).address, () =>
    ctx.write((unit) => useFactor(unit, account, proof)),
  )
  if (!method) {
    await ctx.audit('mfa.failed', { type: 'user', id: account.id })
    throw problems.unauthorized('The code is wrong or was used already', 'invalid_code')
  }
  return method
}

async function useFactor(
  unit: AuthUnit,
  account: Account,
  proof: SecondFactor,
): Promise<FactorMethod | undefined> {
  const { sql, now } = unit
  if (proof.passkey) return (await acceptPasskey(unit, proof.passkey, account.id)) && 'passkey'
  if (proof.recovery_code !== undefined) {
    const hash = hashRecoveryCode(proof.recovery_code)
    return (await useRecoveryCode(sql, account.id, hash, now())) ? 'recovery_code' : undefined
  }
  return (await acceptTotp(unit, account.id, proof.code ?? '', true)) ? 'totp' : undefined
}

/** Checks a code of the authenticator app and uses its time step up. `confirmed`: whether the app must be. */
export async function acceptTotp(
  unit: AuthUnit,
  userId: string,
  code: string,
  confirmed: boolean,
): Promise<boolean> {
  const factor = await findTotp(unit.sql, userId)
  if (!factor || (factor.confirmed_at !== null) !== confirmed) return false
  const secret = unit.deps.totpSealer.open(factor.sealed_secret, userId)
  const step = verifyTotp(secret, code, unit.now(), factor.last_step)
  return step !== undefined && useTotpStep(unit.sql, userId, step)
}
