import { createAccount } from '../accounts/create.ts'
import { acceptInvitation, findInvitationFor } from '../db/invitations.ts'
import { findIdentity, insertIdentity, useIdentity } from '../db/identities.ts'
import { findAccount, findAccountByEmail, type Account } from '../db/users.ts'
import { decideLinking, type LinkingRefusal } from '../domain/account-linking.ts'
import { normaliseEmail } from '../domain/email.ts'
import { refuseRegistration, type RegistrationRefusal } from '../domain/registration.ts'
import type { AuthUnit } from '../kit.ts'
import type { FinishedLogin } from './oidc.ts'

export type OauthRefusal = LinkingRefusal | RegistrationRefusal | 'identity_taken' | 'provider_linked'
export type OauthOutcome = { account: Account } | { refused: OauthRefusal }

/** Which account a login at a provider opens: a linked one, one with the same proved address, or a new one. */
export async function accountOf(unit: AuthUnit, login: FinishedLogin): Promise<OauthOutcome> {
  const { sql } = unit
  const email = login.email && normaliseEmail(login.email)
  const identity = await findIdentity(sql, login.provider, login.subject)
  const linked = identity && (await findAccount(sql, identity.user_id))
  const sameEmail = email ? await findAccountByEmail(sql, email) : undefined
  const decision = decideLinking({ ...login, email }, known(linked), known(sameEmail))
  switch (decision.kind) {
    case 'refuse':
      return { refused: decision.reason }
    case 'sign_in':
      await useIdentity(sql, login.provider, login.subject, email ?? null, unit.now())
      return { account: linked as Account }
    case 'link':
      return linkTo(unit, login, sameEmail as Account)
    case 'register':
      return registerFrom(unit, login, email as string)
  }
}

/** Links a provider to the account of somebody who is signed in. */
export async function linkTo(unit: AuthUnit, login: FinishedLogin, account: Account): Promise<OauthOutcome> {
  const { provider, subject } = login
  const identity = await findIdentity(unit.sql, provider, subject)
  if (identity && identity.user_id !== account.id) return { refused: 'identity_taken' }
  const linked = { provider, subject, user_id: account.id, email: login.email ?? null }
  if (!identity && !(await insertIdentity(unit.sql, linked))) return { refused: 'provider_linked' }
  await unit.audit('identity.linked', { type: 'user', id: account.id }, { provider })
  return { account }
}

async function registerFrom(unit: AuthUnit, login: FinishedLogin, email: string): Promise<OauthOutcome> {
  const invitation = await findInvitationFor(unit.sql, email, unit.now())
  const refusal = refuseRegistration(unit.deps.registration, email, invitation !== undefined)
  if (refusal) return { refused: refusal }
  const account = await createAccount(unit, {
    email,
    full_name: login.name?.trim().slice(0, 200) || email,
    email_verified_at: unit.now().toISOString(),
    ...(invitation && { role: invitation.role, groups: invitation.groups }),
  })
  // Somebody registered the address between our look and our insert.
  if (!account) return { refused: 'sign_in_with_password_first' }
  if (invitation) await acceptInvitation(unit.sql, invitation.id, unit.now())
  return linkTo(unit, login, account)
}

const known = (account: Account | undefined) =>
  account && {
    id: account.id,
    emailVerified: account.email_verified_at !== null,
    disabled: account.disabled_at !== null,
  }
