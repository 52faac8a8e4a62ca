/** A person as an identity provider describes them. */
export interface ProviderIdentity {
  provider: string
  /** The provider's lasting id of the person (`sub`). */
  subject: string
  email: string | undefined
  /** The provider vouches that the person receives mail at that address. */
  emailVerified: boolean
}

export interface KnownAccount {
  id: string
  emailVerified: boolean
  disabled: boolean
}

export type LinkingDecision =
  | { kind: 'sign_in'; accountId: string }
  | { kind: 'link'; accountId: string }
  | { kind: 'register' }
  | { kind: 'refuse'; reason: LinkingRefusal }

export type LinkingRefusal =
  | 'account_disabled'
  /** Without a vouched-for address anyone could claim someone else's account. */
  | 'email_not_verified_by_provider'
  /** Whoever registered here never proved the address: it may have been done to lie in wait for the owner. */
  | 'sign_in_with_password_first'

/**
 * What a successful login at a provider means here.
 * @param linked the account this very identity is linked to
 * @param sameEmail the account that has the same address
 */
export function decideLinking(
  identity: ProviderIdentity,
  linked: KnownAccount | undefined,
  sameEmail: KnownAccount | undefined,
): LinkingDecision {
  if (linked) {
    return linked.disabled ? refuse('account_disabled') : { kind: 'sign_in', accountId: linked.id }
  }
  if (!identity.email || !identity.emailVerified) return refuse('email_not_verified_by_provider')
  if (!sameEmail) return { kind: 'register' }
  if (sameEmail.disabled) return refuse('account_disabled')
  if (!sameEmail.emailVerified) return refuse('sign_in_with_password_first')
  return { kind: 'link', accountId: sameEmail.id }
}

function refuse(reason: LinkingRefusal): LinkingDecision {
  return { kind: 'refuse', reason }
}
