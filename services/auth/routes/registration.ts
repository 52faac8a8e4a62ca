import { isAdmin, problems } from '@ait/kit'
import { checkTimeZone, createAccount } from '../accounts/create.ts'
import { toUser } from '../accounts/present.ts'
import { normaliseEmail } from '../domain/email.ts'
import {
  mayGrantRole,
  refuseRegistration,
  type RegistrationRefusal,
  type Role,
} from '../domain/registration.ts'
import { route, type AuthContext } from '../kit.ts'
import { hashChosen } from '../sign-in/password.ts'

const REFUSALS: Record<RegistrationRefusal, string> = {
  registration_closed: 'Registration is closed',
  invitation_required: 'Registration is by invitation only',
  domain_not_allowed: 'Addresses of this domain may not register',
}

export const register = route('register', async (ctx) => {
  const { password, full_name, role = 'user', locale, time_zone } = ctx.body
  const email = checkedEmail(ctx.body.email)
  checkTimeZone(time_zone)
  const privileged = isPrivileged(ctx)
  checkRole(ctx, role)
  const refusal = privileged ? undefined : refuseRegistration(ctx.deps.registration, email, false)
  if (refusal) throw problems.forbidden(REFUSALS[refusal], refusal)
  const password_hash = await hashChosen(ctx, password, { email, fullName: full_name })
  const account = await ctx.write((unit) =>
    createAccount(unit, {
      email,
      full_name,
      role,
      password_hash,
      ...(locale && { locale }),
      ...(time_zone && { time_zone }),
    }),
  )
  if (!account) throw problems.conflict('email_taken', 'An account with this address exists')
  ctx.etag(account.version)
  return toUser(account)
})

/** @throws Problem 422 */
export function checkedEmail(input: string): string {
  const email = normaliseEmail(input)
  if (!email) throw problems.invalid(['body', 'email'], 'is not an e-mail address', 'email')
  return email
}

/** An administrator, or the suite itself; a token made for an outside service is neither. */
const isPrivileged = ({ principal }: Pick<AuthContext, 'principal'>): boolean =>
  isAdmin(principal) || (principal.kind === 'service' && !principal.scopes)

function checkRole(ctx: Pick<AuthContext, 'principal'>, role: Role): void {
  const caller = isPrivileged(ctx) ? 'admin' : undefined
  if (!mayGrantRole(caller, role))
    throw problems.forbidden('Only an administrator gives another role than user', 'role_not_allowed')
  if (role === 'service')
    throw problems.invalid(['body', 'role'], 'services have no accounts: make a service token instead')
}
