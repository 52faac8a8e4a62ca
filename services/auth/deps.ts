import type { KitConfig, ServiceRuntime } from '@ait/kit'
import type { Config } from './config.ts'
import { createPasswordHasher, type PasswordHasher } from './domain/password-hashing.ts'
import { createPasswordCheck, type PasswordCheck } from './domain/password-strength.ts'
import { parseRegistrationPolicy, type RegistrationPolicy } from './domain/registration.ts'
import { createSealer, deriveKey, type Sealer } from './domain/sealing.ts'
import { createKeyRing, type KeyRing } from './keys/ring.ts'
import { createOidcClient, type OidcClient } from './oauth/oidc.ts'
import { readProviders, type OidcProvider } from './oauth/providers.ts'
import { openRevocationFeed, type RevocationFeed } from './sessions/revocation-feed.ts'
import { createTurns, type Turns } from './sign-in/turns.ts'
import type { RelyingParty } from './webauthn/ceremonies.ts'

/** What handlers work with beside the database. */
export interface Deps {
  hasher: PasswordHasher
  checkPassword: PasswordCheck
  keys: KeyRing
  /** Seals TOTP secrets. */
  totpSealer: Sealer
  /** Derives the successor of a refresh token. */
  successorKey: Buffer
  registration: RegistrationPolicy
  providers: Map<string, OidcProvider & { client: OidcClient }>
  relyingParty: RelyingParty
  revocations: RevocationFeed
  /** Attempts at one account wait for each other. */
  turns: Turns
}

const day = 86_400_000
/** Published this long before it signs: longer than anybody keeps the JWK Set. */
const publishMs = day
/** Published this long after it signed: longer than an access token lives. */
const keepMs = 3_600_000

export async function createDeps(service: ServiceRuntime<Config & KitConfig>): Promise<Deps> {
  const { config, sql, now, log } = service
  const secrets = [config.JWT_SECRET_KEY, config.JWT_SECRET_KEY_PREVIOUS].filter(Boolean)
  const keys = createKeyRing({
    sql,
    now,
    log,
    sealer: createSealer(secrets, 'signing-keys'),
    rules: { signMs: config.AUTH_KEY_SIGN_DAYS * day, publishMs, keepMs },
  })
  await keys.rotate()
  return {
    keys,
    hasher: createPasswordHasher({
      memoryKib: config.AUTH_HASH_MEMORY_KIB,
      passes: config.AUTH_HASH_PASSES,
      concurrency: config.AUTH_HASH_CONCURRENCY,
      queueLimit: config.AUTH_HASH_QUEUE,
    }),
    checkPassword: createPasswordCheck(),
    totpSealer: createSealer(secrets, 'totp'),
    successorKey: deriveKey(config.JWT_SECRET_KEY, 'refresh-successor').key,
    registration: parseRegistrationPolicy(config.REGISTRATION),
    providers: providersOf(config),
    relyingParty: relyingPartyOf(config),
    revocations: await openRevocationFeed(sql),
    turns: createTurns(),
  }
}

function providersOf(config: Config): Deps['providers'] {
  const providers = readProviders({
    googleClientId: config.OAUTH_GOOGLE_CLIENT_ID,
    googleClientSecret: config.OAUTH_GOOGLE_CLIENT_SECRET,
    microsoftClientId: config.OAUTH_MICROSOFT_CLIENT_ID,
    microsoftClientSecret: config.OAUTH_MICROSOFT_CLIENT_SECRET,
    microsoftTenant: config.OAUTH_MICROSOFT_TENANT,
    others: config.OAUTH_PROVIDERS,
  })
  return new Map(
    [...providers].map(([id, provider]) => [id, { ...provider, client: createOidcClient(provider) }]),
  )
}

/** Passkeys are bound to the domain of the web workspace; the gateway's own pages may use them as well. */
function relyingPartyOf(config: Config & KitConfig): RelyingParty {
  const web = new URL(config.AUTH_WEB_URL)
  return {
    id: web.hostname,
    name: 'AIT Suite',
    origins: [...new Set([web.origin, new URL(config.PUBLIC_URL).origin])],
  }
}
