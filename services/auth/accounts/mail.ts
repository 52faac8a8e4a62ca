import { problems, type Static } from '@ait/kit'
import type { events } from '../contract/events.ts'
import { dropMailTokens, insertMailToken, type Purpose } from '../db/mail-tokens.ts'
import type { Account } from '../db/users.ts'
import { generateOpaqueToken, hashToken } from '../domain/opaque-token.ts'
import type { AuthUnit } from '../kit.ts'

type Mail = Static<(typeof events)['auth.mail.requested.v1']>
export type Template = Mail['template']

/** Asks for a mail, if and only if the transaction commits. Under development its link is in the log too. */
export async function requestMail(unit: AuthUnit, mail: Mail): Promise<void> {
  await unit.emit('auth.mail.requested.v1', mail.to, mail)
  const { to, template, data } = mail
  if (unit.config.NODE_ENV === 'development' && data['link'])
    unit.log.info({ to, template, link: data['link'] }, 'mail')
}

/** A note to the owner of an account, at their address. */
export function notify(
  unit: AuthUnit,
  account: Account,
  template: Template,
  data: Mail['data'] = {},
): Promise<void> {
  const { email: to, locale, full_name: name } = account
  return requestMail(unit, { to, template, locale, data: { name, ...data } })
}

/** Page of the web workspace that takes the token. In the fragment it reaches no server's log. */
export const linkTo = (unit: Pick<AuthUnit, 'config'>, page: string, token: string): string =>
  `${unit.config.AUTH_WEB_URL}${page}#token=${token}`

const PAGES: Record<Exclude<Purpose, 'setup' | 'register'>, string> = {
  verify_email: '/verify-email',
  change_email: '/confirm-email',
  reset_password: '/reset-password',
}

const hours: Record<keyof typeof PAGES, number> = { verify_email: 72, change_email: 24, reset_password: 1 }

/** Mails a link that is good once. Links of the same kind sent to this person before stop working. */
export async function mailLink(
  unit: AuthUnit,
  account: Account,
  purpose: keyof typeof PAGES,
  options: { template?: Template; to?: string; hours?: number } = {},
): Promise<void> {
  const token = generateOpaqueToken()
  const to = options.to ?? account.email
  const lifeHours = options.hours ?? hours[purpose]
  await dropMailTokens(unit.sql, account.id, purpose)
  await insertMailToken(unit.sql, {
    hash: hashToken(token),
    purpose,
    userId: account.id,
    email: to,
    expiresAt: new Date(unit.now().getTime() + lifeHours * 3_600_000),
  })
  const { locale, full_name: name } = account
  const data = { name, link: linkTo(unit, PAGES[purpose], token), hours: String(lifeHours) }
  await requestMail(unit, { to, template: options.template ?? purpose, locale, data })
}

/** One answer for links that are unknown, used and expired. */
export const linkInvalid = () =>
  problems.badRequest('invalid_link', 'The link is not valid any more: ask for a new one')
