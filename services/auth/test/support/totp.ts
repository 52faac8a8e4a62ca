import { generateSync } from 'otplib'
import type { AuthService, Person } from './auth.ts'

/** The authenticator app of a person: the code it shows now, by the service's clock. */
export const codeAt = (secret: string, now: Date): string =>
  generateSync({ secret, epoch: Math.floor(now.getTime() / 1000) })

/** Turns an authenticator app on; the next code is a step further. */
export async function enableTotp(
  auth: AuthService,
  person: Person,
): Promise<{ secret: string; recoveryCodes: string[] }> {
  const { secret } = (await person.call('enrollMfa', {}, 200)).body
  const code = codeAt(secret, auth.service.runtime.now())
  const confirmed = await person.call('confirmMfa', { body: { code } }, 200)
  auth.advance(30_000)
  return { secret, recoveryCodes: confirmed.body.recovery_codes }
}
