import { ConfigError, type KitConfig, type ServiceRuntime, type Sql } from '@ait/kit'
import type { Config } from '../config.ts'
import { dropSetupTokens, insertMailToken } from '../db/mail-tokens.ts'
import { hasAdmin } from '../db/users.ts'
import { normaliseEmail } from '../domain/email.ts'
import { generateOpaqueToken, hashToken } from '../domain/opaque-token.ts'
import type { Deps } from '../deps.ts'
import { createAccount } from './create.ts'

const setupHours = 24

/** Replicas that start together take turns. */
export const lockSetup = (sql: Sql) => sql`select pg_advisory_xact_lock(hashtext('auth.setup'))`

/**
 * While there is no administrator: creates the one of ADMIN_EMAIL and ADMIN_PASSWORD, or else makes a
 * one-time link by which whoever reads this machine's output becomes it. Each start makes a new link.
 * @throws ConfigError when the variables cannot be used
 */
export async function ensureAdmin(service: ServiceRuntime<Config & KitConfig>, deps: Deps): Promise<void> {
  const { config } = service
  if (await hasAdmin(service.sql)) return
  if (config.ADMIN_EMAIL && config.ADMIN_PASSWORD) return createAdmin(service, deps)
  const token = generateOpaqueToken()
  await service.write(async ({ sql, now }) => {
    await lockSetup(sql)
    await dropSetupTokens(sql)
    const expiresAt = new Date(now().getTime() + setupHours * 3_600_000)
    await insertMailToken(sql, { hash: hashToken(token), purpose: 'setup', expiresAt })
  })
  // The fragment never reaches a server's log.
  service.log.warn(
    { link: `${config.PUBLIC_URL}/api/v1/auth/setup#token=${token}` },
    'No administrator yet: create one here',
  )
}

async function createAdmin({ config, write }: ServiceRuntime<Config & KitConfig>, deps: Deps): Promise<void> {
  const email = normaliseEmail(config.ADMIN_EMAIL)
  if (!email) throw new ConfigError('ADMIN_EMAIL is not an e-mail address')
  const fullName = 'Administrator'
  const { ok, reason } = deps.checkPassword(config.ADMIN_PASSWORD, { email, fullName })
  if (!ok) throw new ConfigError(`ADMIN_PASSWORD: ${reason}`)
  const password_hash = await deps.hasher.hash(config.ADMIN_PASSWORD)
  await write(async (unit) => {
    await lockSetup(unit.sql)
    if (await hasAdmin(unit.sql)) return
    const draft = {
      email,
      full_name: fullName,
      role: 'admin',
      password_hash,
      email_verified_at: unit.now().toISOString(),
    }
    if (!(await createAccount(unit, draft)))
      throw new ConfigError('ADMIN_EMAIL belongs to an account that is no administrator')
  })
}
