import { newId, problems } from '@ait/kit'
import { notify } from '../accounts/mail.ts'
import { lockOwnAccount, ownAccount } from '../accounts/person.ts'
import { insertChallenge, takeChallenge } from '../db/challenges.ts'
import {
  confirmTotp,
  countRecoveryCodes,
  deletePasskeyRow,
  deleteRecoveryCodes,
  deleteTotp,
  findTotp,
  insertPasskey,
  listPasskeys as readPasskeys,
  offerTotp,
  passkeysOf,
  renamePasskeyRow,
  replaceRecoveryCodes,
  toPasskey,
} from '../db/factors.ts'
import { markAuthenticated } from '../db/sessions.ts'
import type { PasskeysRow } from '../db/types.ts'
import { findAccount, type Account } from '../db/users.ts'
import { generateRecoveryCodes, hashRecoveryCode } from '../domain/recovery-codes.ts'
import { enrolTotp } from '../domain/totp.ts'
import { route, type AuthContext, type AuthUnit } from '../kit.ts'
import { deviceOf } from '../sessions/device.ts'
import { challengeExpiry, valid } from '../sign-in/passkey.ts'
import { checkCredentials } from '../sign-in/password.ts'
import { ownSession, recentSession } from '../sign-in/recent.ts'
import { acceptTotp, checkSecondFactor } from '../sign-in/second-factor.ts'
import { attempt } from '../sign-in/throttle.ts'
import {
  finishPasskeyRegistration,
  startPasskeyRegistration as startCeremony,
} from '../webauthn/ceremonies.ts'

const issuer = 'AIT Suite'

export const getMfa = route('getMfa', async (ctx) => {
  const account = await ownAccount(ctx)
  const totp = await findTotp(ctx.sql, account.id)
  return {
    enabled: account.mfa_enabled,
    totp: Boolean(totp?.confirmed_at),
    passkeys: (await passkeysOf(ctx.sql, account.id)).length,
    recovery_codes_left: await countRecoveryCodes(ctx.sql, account.id),
  }
})

export const enrollMfa = route('enrollMfa', async (ctx) => {
  await ownSession(ctx)
  const account = await ownAccount(ctx)
  const { secret, otpauthUrl, qrSvg } = await enrolTotp(issuer, account.email)
  if (!(await offerTotp(ctx.sql, account.id, ctx.deps.totpSealer.seal(secret, account.id))))
    throw problems.conflict('mfa_enabled', 'An authenticator app is in use: disable it first')
  return { secret, otpauth_url: otpauthUrl, qr_code: qrSvg }
})

export const confirmMfa = route('confirmMfa', async (ctx) => {
  await recentSession(ctx)
  const account = await ownAccount(ctx)
  const codes = await attempt(ctx, 'mfa', account.id, deviceOf(ctx.request).address, () =>
    ctx.write(async (unit) => {
      if (!(await acceptTotp(unit, account.id, ctx.body.code, false))) return undefined
      await confirmTotp(unit.sql, account.id, unit.now())
      await noteChange(unit, account, 'totp.enabled')
      return giveRecoveryCodes(unit, account.id)
    }),
  )
  if (!codes)
    throw problems.invalid(['body', 'code'], 'is wrong: scan the code and try the next one', 'invalid_code')
  return { recovery_codes: codes }
})

export const disableMfa = route('disableMfa', async (ctx) => {
  await recentSession(ctx)
  const account = await lockOwnAccount(ctx)
  if (!(await deleteTotp(ctx.sql, account.id))) return
  await noteChange(ctx, account, 'totp.disabled')
  await dropUselessCodes(ctx, account.id)
})

export const renewRecoveryCodes = route('renewRecoveryCodes', async (ctx) => {
  await recentSession(ctx)
  const account = await lockOwnAccount(ctx)
  if (!account.mfa_enabled)
    throw problems.conflict('mfa_disabled', 'There is no second factor to recover from')
  await noteChange(ctx, account, 'recovery_codes.renewed')
  return { recovery_codes: await giveRecoveryCodes(ctx, account.id) }
})

export const reauthenticate = route('reauthenticate', async (ctx) => {
  const { password, ...proof } = ctx.body
  const session = await ownSession(ctx)
  const account = await ownAccount(ctx)
  const byPasskey = password === undefined && proof.passkey !== undefined
  if (!byPasskey && !account.password_hash && !account.mfa_enabled)
    throw problems.conflict('no_password', 'This account has no password: sign in again with your provider')
  if (!byPasskey && account.password_hash) {
    if (password === undefined) throw problems.invalid(['body', 'password'], 'is required', 'missing')
    await checkCredentials(ctx, account.email, password)
  }
  if (byPasskey || account.mfa_enabled) await checkSecondFactor(ctx, account, proof)
  await markAuthenticated(ctx.sql, session.id, ctx.now())
  await ctx.audit('session.reauthenticated', { type: 'user', id: account.id }, { session_id: session.id })
})

export const listPasskeys = route('listPasskeys', async (ctx) => {
  const { id } = await ownAccount(ctx)
  const rows = await readPasskeys(ctx.sql, id, ctx.page)
  const page = ctx.pageOf(rows, (row) => [row.id])
  return { ...page, items: page.items.map(present) }
})

export const startPasskeyRegistration = route('startPasskeyRegistration', async (ctx) => {
  await recentSession(ctx)
  const { id, email, full_name: name } = await ownAccount(ctx)
  const existing = (await passkeysOf(ctx.sql, id)).map(toPasskey)
  const options = await startCeremony(ctx.deps.relyingParty, { id, email, name }, existing)
  const challenge = {
    kind: 'passkey_registration' as const,
    userId: id,
    data: { challenge: options.challenge },
  }
  const challenge_token = await insertChallenge(ctx.sql, { ...challenge, expiresAt: challengeExpiry(ctx) })
  return { challenge_token, options: { ...options } }
})

export const addPasskey = route('addPasskey', async (ctx) => {
  await recentSession(ctx)
  const account = await lockOwnAccount(ctx)
  const { challenge_token, response, name } = ctx.body
  const challenge = await takeChallenge(ctx.sql, 'passkey_registration', challenge_token, ctx.now())
  const isOwn = challenge?.user_id === account.id
  const made =
    isOwn &&
    (await valid(
      finishPasskeyRegistration(ctx.deps.relyingParty, response as never, challenge.data.challenge),
      ctx,
    ))
  if (!made)
    throw problems.invalid(['body', 'response'], 'is not a valid answer of a passkey', 'invalid_passkey')
  const {
    credentialId: credential_id,
    publicKey: public_key,
    counter,
    transports,
    backedUp: backed_up,
  } = made
  const key = {
    id: newId(),
    user_id: account.id,
    credential_id,
    public_key,
    counter,
    transports,
    backed_up,
    name,
  }
  const row = await insertPasskey(ctx.sql, key)
  if (!row) throw problems.conflict('passkey_taken', 'This passkey is registered already')
  await noteChange(ctx, account, 'passkey.added')
  const codes = account.mfa_enabled ? undefined : await giveRecoveryCodes(ctx, account.id)
  return { ...present(row), ...(codes && { recovery_codes: codes }) }
})

export const renamePasskey = route('renamePasskey', async (ctx) => {
  const passkey = await ctx.find('passkey', ctx.params.id, 'edit')
  return present(await renamePasskeyRow(ctx.sql, passkey.id, ctx.body.name))
})

export const deletePasskey = route('deletePasskey', async (ctx) => {
  const passkey = await ctx.find('passkey', ctx.params.id, 'edit')
  await recentSession(ctx)
  const account = await lockOwnAccount(ctx)
  await deletePasskeyRow(ctx.sql, passkey.id)
  await noteChange(ctx, account, 'passkey.removed')
  await dropUselessCodes(ctx, account.id)
})

const present = ({ id, name, backed_up, created_at, last_used_at }: PasskeysRow) => ({
  id,
  name,
  backed_up,
  created_at,
  last_used_at,
})

async function giveRecoveryCodes({ sql }: Pick<AuthContext, 'sql'>, userId: string): Promise<string[]> {
  const codes = generateRecoveryCodes()
  await replaceRecoveryCodes(sql, userId, codes.map(hashRecoveryCode))
  return codes
}

/** Recovery codes recover from a lost factor: without one they would be a password of their own. */
async function dropUselessCodes({ sql }: Pick<AuthContext, 'sql'>, userId: string): Promise<void> {
  const account = await findAccount(sql, userId)
  if (!account?.mfa_enabled) await deleteRecoveryCodes(sql, userId)
}

/** The owner hears of every change of their factors: it may not have been them. */
async function noteChange(unit: AuthUnit, account: Account, change: string): Promise<void> {
  await unit.audit(change, { type: 'user', id: account.id })
  await notify(unit, account, 'mfa_changed', { change })
}
