import { generateSecret, generateURI, verifySync } from 'otplib'
import { toString as drawQrCode } from 'qrcode'

const STEP_SECONDS = 30
const SECRET_BYTES = 20

export interface TotpEnrolment {
  /** Base32, 160 bits: what RFC 4226 §4 recommends for HMAC-SHA-1. */
  secret: string
  /** Read by authenticator apps: `otpauth://totp/Issuer:account?secret=…&issuer=…`. */
  otpauthUrl: string
  /** The same as a picture: `data:image/svg+xml;base64,…`. */
  qrSvg: string
}

/** A new secret for an authenticator app (RFC 6238: SHA-1, six digits, 30 s, which is all that apps agree on). */
export async function enrolTotp(issuer: string, account: string): Promise<TotpEnrolment> {
  const secret = generateSecret({ length: SECRET_BYTES })
  const otpauthUrl = generateURI({ issuer, label: account, secret })
  const svg = await drawQrCode(otpauthUrl, { type: 'svg', errorCorrectionLevel: 'M', margin: 2 })
  return { secret, otpauthUrl, qrSvg: `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}` }
}

/**
 * The time step the code belongs to, or `undefined` when it is wrong. One step before and after now is
 * accepted (clocks drift); a step at or before `lastStep` is not, since a code may be used once only
 * (RFC 6238 §5.2). The caller stores the step it gets.
 */
export function verifyTotp(secret: string, code: string, now: Date, lastStep?: number): number | undefined {
  const token = code.replaceAll(/\s/g, '')
  if (!/^\d{6}$/.test(token)) return undefined
  const epoch = Math.floor(now.getTime() / 1000)
  const result = verifySync({
    secret,
    token,
    epoch,
    period: STEP_SECONDS,
    epochTolerance: STEP_SECONDS,
    ...(lastStep === undefined ? {} : { afterTimeStep: lastStep }),
  })
  return result.valid && 'timeStep' in result ? result.timeStep : undefined
}
