import { problems } from '@ait/kit'
import { insertChallenge, takeChallenge } from '../db/challenges.ts'
import { lockPasskeyByCredential, toPasskey, usePasskey } from '../db/factors.ts'
import type { PasskeysRow } from '../db/types.ts'
import type { AuthUnit } from '../kit.ts'
import { CeremonyFailed, finishPasskeyLogin, startPasskeyLogin } from '../webauthn/ceremonies.ts'

export interface PasskeyAnswer {
  challenge_token: string
  response: Record<string, unknown>
}

const challengeMs = 5 * 60_000

/** When the answer to a challenge given now is too late. */
export const challengeExpiry = (unit: Pick<AuthUnit, 'now'>): Date =>
  new Date(unit.now().getTime() + challengeMs)

/** Options for the browser. `passkeys`: only these are asked for. */
export async function askForPasskey(
  unit: Pick<AuthUnit, 'sql' | 'deps' | 'now'>,
  passkeys?: readonly PasskeysRow[],
) {
  const options = await startPasskeyLogin(unit.deps.relyingParty, passkeys?.map(toPasskey))
  const data = { challenge: options.challenge }
  const challenge_token = await insertChallenge(unit.sql, {
    kind: 'passkey_login',
    data,
    expiresAt: challengeExpiry(unit),
  })
  return { challenge_token, options: { ...options } }
}

/**
 * The passkey that signed the answer, its counter moved on; undefined when the answer is not valid or
 * the passkey is not `ownerId`'s.
 */
export async function acceptPasskey(
  unit: AuthUnit,
  { challenge_token, response }: PasskeyAnswer,
  ownerId?: string,
): Promise<PasskeysRow | undefined> {
  const challenge = await takeChallenge(unit.sql, 'passkey_login', challenge_token, unit.now())
  const passkey = await lockPasskeyByCredential(unit.sql, String(response['id']))
  if (!challenge || !passkey || (ownerId !== undefined && passkey.user_id !== ownerId)) return undefined
  const counter = await valid(
    finishPasskeyLogin(
      unit.deps.relyingParty,
      response as never,
      challenge.data.challenge,
      toPasskey(passkey),
    ),
    unit,
  )
  if (counter === undefined) return undefined
  await usePasskey(unit.sql, passkey.id, counter, unit.now())
  return passkey
}

/** Undefined for an answer that is not valid; why is for the log. */
export async function valid<T>(ceremony: Promise<T>, { log }: Pick<AuthUnit, 'log'>): Promise<T | undefined> {
  try {
    return await ceremony
  } catch (error) {
    if (!(error instanceof CeremonyFailed)) throw error
    log.info({ reason: error.message }, 'passkey refused')
    return undefined
  }
}

export const passkeyRefused = () => problems.unauthorized('The passkey was not accepted', 'invalid_passkey')
