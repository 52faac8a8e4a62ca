import { randomBytes } from 'node:crypto'
import { isAdmin, isSuite, problems } from '@ait/kit'
import { checkTimeZone, checkedEmail } from '../accounts/checks.ts'
import { createAccount, type AccountDraft } from '../accounts/create.ts'
import { lockSetup } from '../accounts/first-admin.ts'
import { linkInvalid } from '../accounts/mail.ts'
import { toUser } from '../accounts/present.ts'
import { acceptInvitation, findInvitation, type InvitationsRow } from '../db/invitations.ts'
import { insertMailToken, takeMailToken } from '../db/mail-tokens.ts'
import { hasAdmin, type Account } from '../db/users.ts'
import { hashToken } from '../domain/opaque-token.ts'
import {
  mayGrantRole,
  refuseRegistration,
  type RegistrationRefusal,
  type Role,
} from '../domain/registration.ts'
import { setupPage, setupPagePolicy } from '../pages/setup.ts'
import { route, type AuthContext, type AuthUnit } from '../kit.ts'
import { deviceOf } from '../sessions/device.ts'
import { hashChosen } from '../sign-in/password.ts'
import { countAttempt } from '../sign-in/throttle.ts'

const REFUSALS: Record<RegistrationRefusal, string> = {
  registration_closed: 'Registration is closed',
  invitation_required: 'Registration is by invitation only',
  domain_not_allowed: 'Addresses of this domain may not register',
}

const confirmationMs = 72 * 3_600_000

export const register = route('register', async (ctx) => {
  const { password, full_name, role = 'user', locale, time_zone } = ctx.body
  const email = checkedEmail(ctx.body.email)
  checkTimeZone(time_zone)
  checkRole(ctx, role)
  const invitation = await invitationOf(ctx, email, ctx.body.invitation_token)
  const trusted = isPrivileged(ctx) || invitation !== undefined
  const refusal = refuseRegistration(ctx.deps.registration, email, trusted)
  if (refusal) throw problems.forbidden(REFUSALS[refusal], refusal)
  const mustConfirm = ctx.config.AUTH_EMAIL_VERIFICATION === 'required' && !trusted
  const { address } = deviceOf(ctx.request)
  if (!trusted) await countAttempt(ctx, 'registration', email, address)
  if (mustConfirm) await countAttempt(ctx, 'mail', email, address)
  const password_hash = await hashChosen(ctx, password, { email, fullName: full_name })
  const draft = {
    email,
    full_name,
    role,
    password_hash,
    ...(locale && { locale }),
    ...(time_zone && { time_zone }),
  }
  if (mustConfirm) return postpone(ctx, draft)
  const account = await ctx.write((unit) => registerNow(unit, draft, invitation))
  ctx.etag(account.version)
  return toUser(account)
})

async function registerNow(
  unit: AuthUnit,
  draft: AccountDraft,
  invitation?: InvitationsRow,
): Promise<Account> {
  const invited = invitation && {
    role: invitation.role,
    groups: invitation.groups,
    email_verified_at: unit.now().toISOString(),
  }
  if (invitation && !(await acceptInvitation(unit.sql, invitation.id, unit.now()))) throw linkInvalid()
  const account = await createAccount(unit, { ...draft, ...invited })
  if (!account) throw problems.conflict('email_taken', 'An account with this address exists')
  if (!account.email_verified_at) await unit.enqueue('mail-verification', { email: account.email })
  return account
}

/**
 * The account will exist once the mailed link is followed. Whether the address is taken already is found
 * out by the job that writes the mail, so that this takes as long and answers the same either way.
 */
async function postpone(
  ctx: AuthContext & { reply: { code(status: number): unknown } },
  draft: AccountDraft,
) {
  const hash = randomBytes(32)
  await ctx.write(async (unit) => {
    const expiresAt = new Date(unit.now().getTime() + confirmationMs)
    await insertMailToken(unit.sql, { hash, purpose: 'register', email: draft.email, data: draft, expiresAt })
    await unit.enqueue('mail-confirmation', { hash: hash.toString('base64url') })
  })
  ctx.reply.code(202)
  return { status: 'accepted' as const }
}

export const getSetupPage = route('getSetupPage', async (ctx) =>
  ctx.reply.type('text/html').header('content-security-policy', setupPagePolicy).send(setupPage),
)

export const setup = route('setup', async (ctx) => {
  const { token, password, full_name } = ctx.body
  const email = checkedEmail(ctx.body.email)
  const password_hash = await hashChosen(ctx, password, { email, fullName: full_name })
  const account = await ctx.write(async (unit) => {
    await lockSetup(unit.sql)
    const valid = await takeMailToken(unit.sql, hashToken(token), ['setup'], unit.now())
    if (!valid || (await hasAdmin(unit.sql))) throw linkInvalid()
    const draft = {
      email,
      full_name,
      password_hash,
      role: 'admin',
      email_verified_at: unit.now().toISOString(),
    }
    return createAccount(unit, draft)
  })
  if (!account) throw problems.conflict('email_taken', 'An account with this address exists')
  return toUser(account)
})

export const getSignInOptions = route('getSignInOptions', async (ctx) => ({
  registration: ctx.deps.registration.kind,
  email_verification: ctx.config.AUTH_EMAIL_VERIFICATION,
  providers: [...ctx.deps.providers.values()].map(({ id, name }) => ({
    id,
    name,
    url: `/api/v1/auth/oauth/${id}`,
  })),
  setup_required: !(await hasAdmin(ctx.sql)),
}))

/** An administrator, or the suite itself; a token made for an outside service is neither. */
const isPrivileged = ({ principal }: Pick<AuthContext, 'principal'>): boolean =>
  isAdmin(principal) || isSuite(principal)

function checkRole(ctx: Pick<AuthContext, 'principal'>, role: Role): void {
  const caller = isPrivileged(ctx) ? 'admin' : undefined
  if (!mayGrantRole(caller, role))
    throw problems.forbidden('Only an administrator gives another role than user', 'role_not_allowed')
  if (role === 'service')
    throw problems.invalid(['body', 'role'], 'services have no accounts: make a service token instead')
}

/** @throws Problem 400 for a link that is not valid, 403 for one that is for another address */
async function invitationOf(ctx: Pick<AuthContext, 'sql' | 'now'>, email: string, token: string | undefined) {
  if (token === undefined) return undefined
  const invitation = await findInvitation(ctx.sql, hashToken(token), ctx.now())
  if (!invitation) throw linkInvalid()
  if (invitation.email !== email)
    throw problems.forbidden('The invitation is for another address', 'invitation_other_address')
  return invitation
}
