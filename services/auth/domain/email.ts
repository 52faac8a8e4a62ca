import { domainToASCII } from 'node:url'

/** RFC 5321 §4.5.3.1: at most 64 octets before the @ and 254 for the whole address. */
const MAX_LOCAL_OCTETS = 64
const MAX_OCTETS = 254
const ATOM = /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * The one form in which an address is stored and compared: trimmed, lower case, Unicode composed (NFKC),
 * the domain in ASCII. `undefined` when it is no address we could send mail to. Quoted local parts and
 * address literals are refused: they are legal and practically always mistakes.
 */
export function normaliseEmail(input: string): string | undefined {
  const text = input.normalize('NFKC').trim().toLowerCase()
  const at = text.lastIndexOf('@')
  const local = text.slice(0, at)
  const domain = domainToASCII(text.slice(at + 1))
  const email = `${local}@${domain}`
  if (at < 1 || !ATOM.test(local) || Buffer.byteLength(local) > MAX_LOCAL_OCTETS) return undefined
  const labels = domain.split('.')
  if (labels.length < 2 || !labels.every((label) => LABEL.test(label))) return undefined
  return Buffer.byteLength(email) <= MAX_OCTETS ? email : undefined
}

export function emailDomain(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1)
}
