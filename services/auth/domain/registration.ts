import { emailDomain } from './email.ts'

export const ROLES = ['admin', 'user', 'guest', 'service'] as const
export type Role = (typeof ROLES)[number]

/** What somebody who registers alone becomes, whatever the request says. */
export const SELF_SERVICE_ROLE: Role = 'user'

export type RegistrationPolicy =
  | { kind: 'open' }
  | { kind: 'invitation' }
  | { kind: 'domain'; domains: string[] }
  | { kind: 'closed' }

/** Reads `REGISTRATION`: `open`, `invitation`, `closed` or `domain:example.com,example.org`. */
export function parseRegistrationPolicy(text: string): RegistrationPolicy {
  const [kind = '', list = ''] = text.trim().toLowerCase().split(':')
  const domains = list.split(',').flatMap((domain) => domain.trim() || [])
  if (kind === 'domain' && domains.length > 0) return { kind, domains }
  if ((kind === 'open' || kind === 'invitation' || kind === 'closed') && !list) return { kind }
  throw new Error('REGISTRATION must be open, invitation, closed or domain:example.com,…')
}

export type RegistrationRefusal = 'registration_closed' | 'invitation_required' | 'domain_not_allowed'

/** Why this person may not register, or `undefined` when they may. An invitation opens every policy. */
export function refuseRegistration(
  policy: RegistrationPolicy,
  email: string,
  invited: boolean,
): RegistrationRefusal | undefined {
  if (invited || policy.kind === 'open') return undefined
  if (policy.kind === 'closed') return 'registration_closed'
  if (policy.kind === 'invitation') return 'invitation_required'
  return policy.domains.includes(emailDomain(email)) ? undefined : 'domain_not_allowed'
}

/** May a caller of this role (`undefined`: nobody is signed in) give a new account the asked-for role? */
export function mayGrantRole(caller: Role | undefined, asked: Role): boolean {
  return asked === SELF_SERVICE_ROLE || caller === 'admin' || caller === 'service'
}
