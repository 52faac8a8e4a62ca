import { Ajv, type ErrorObject } from 'ajv'
import formats from 'ajv-formats'
import { T, type Static, type TObject } from './contract/schema.ts'

export type Environment = Record<string, string | undefined>

/** What every service reads from the environment, beside its own variables. */
export const kitConfig = T.Object({
  NODE_ENV: T.String({
    default: 'development',
    description: '`production` refuses default and short secrets',
  }),
  JWT_SECRET_KEY: T.String({
    minLength: 32,
    description: 'Secret from which encryption keys are derived; generated into `.data/` when not set',
    examples: ['change-me-in-production'],
  }),
  SERVICE_AUTH_TOKEN: T.String({
    // What a bearer token may consist of (RFC 6750): another one would be refused on every call.
    pattern: String.raw`^[\w.~+/=-]{32,}(\s*,\s*[\w.~+/=-]{32,})?$`,
    description:
      'Bearer token of services, 32 or more of A-Z a-z 0-9 . _ ~ + / = -; two with a comma between them while rotating',
  }),
  POSTGRES_URL: T.String({
    default: '',
    description: 'Server of the databases, postgres://user:password@host:5432; empty: the embedded one',
  }),
  DATABASE_POOL_SIZE: T.Integer({ default: 8, minimum: 2, description: 'Connections per service' }),
  PUBLIC_URL: T.String({
    default: 'http://localhost:8001',
    description: 'Address at which people reach the gateway; issuer of the tokens',
  }),
  TOKEN_AUDIENCE: T.String({ default: 'ait-suite', description: 'Audience of access tokens' }),
  LOG_LEVEL: T.String({ default: 'info', description: 'trace, debug, info, warn, error' }),
  BODY_LIMIT_BYTES: T.Integer({ default: 1_048_576, minimum: 1024, description: 'Largest JSON body' }),
  REQUEST_TIMEOUT_MS: T.Integer({
    default: 60_000,
    minimum: 1,
    description: 'Time to receive a whole JSON body; streamed uploads take as long as they take',
  }),
  TRUSTED_PROXIES: T.String({
    default: 'loopback',
    description:
      'Addresses whose X-Forwarded-For is believed, with commas between them: IPs, CIDRs, loopback, linklocal, uniquelocal',
  }),
  EVENT_RETRY_BASE_MS: T.Integer({
    default: 1000,
    minimum: 1,
    description: 'First wait before an event is sent again',
  }),
  EVENT_MAX_ATTEMPTS: T.Integer({
    default: 12,
    minimum: 1,
    description: 'Refusals after which an event is a dead letter',
  }),
  SHUTDOWN_TIMEOUT_MS: T.Integer({
    default: 20_000,
    minimum: 0,
    description: 'How long a stop waits for work under way',
  }),
})
export type KitConfig = Static<typeof kitConfig>

/** An environment that cannot be used. `message` has one line per variable. */
export class ConfigError extends Error {}

/**
 * Reads a config schema's variables from the environment, with defaults and types applied.
 * @throws ConfigError naming each variable at fault.
 */
export function readConfig<S extends TObject>(schema: S, env: Environment): Static<S> {
  const { values, faults } = check(schema, env)
  if (faults.length > 0) throw new ConfigError(faults.join('\n'))
  return values as Static<S>
}

/**
 * Reads the kit's variables together with a service's own.
 * @throws ConfigError naming all that are at fault, and in production the secrets that are weak.
 */
export function readServiceConfig<S extends TObject>(own: S, env: Environment): KitConfig & Static<S> {
  const schema = T.Object({ ...kitConfig.properties, ...own.properties })
  const { values, faults } = check(schema, env)
  const all = [...faults, ...weakSecrets(values as Partial<KitConfig>)]
  if (all.length > 0) throw new ConfigError(all.join('\n'))
  return values as KitConfig & Static<S>
}

function check(schema: TObject, env: Environment): { values: Environment; faults: string[] } {
  const ajv = formats.default(
    new Ajv({ coerceTypes: true, useDefaults: true, allErrors: true, verbose: true, strict: false }),
  )
  const values: Environment = {}
  for (const name of Object.keys(schema.properties)) {
    if (env[name] !== undefined && env[name] !== '') values[name] = env[name]
  }
  const validate = ajv.compile(JSON.parse(JSON.stringify(schema)))
  return { values, faults: validate(values) ? [] : (validate.errors ?? []).map(faultOf) }
}

/** Says what is wrong with which variable; never its value, which may be a secret. */
function faultOf({ instancePath, keyword, params, message, parentSchema }: ErrorObject): string {
  if (keyword === 'required') return `${params['missingProperty']} is not set`
  const name = instancePath.slice(1)
  if (keyword === 'pattern' && parentSchema?.['description'])
    return `${name} must be: ${parentSchema['description']}`
  if (keyword === 'enum') return `${name} must be one of ${params['allowedValues'].join(', ')}`
  return `${name} ${message}`
}

/** Secrets that are known to the world or easily guessed. Only production is strict. */
function weakSecrets(config: Partial<KitConfig>): string[] {
  if (config.NODE_ENV !== 'production') return []
  const weak = (value: string): boolean =>
    /change|example|secret|default|password/i.test(value) || new Set(value).size < 12
  return (['JWT_SECRET_KEY', 'SERVICE_AUTH_TOKEN'] as const)
    .filter((name) => config[name]?.split(',').some(weak))
    .map((name) => `${name} is a default or too simple: set at least 32 random characters`)
}

/** The service tokens that are valid now: the one to send first, and while rotating the one before. */
export const serviceTokensOf = ({ SERVICE_AUTH_TOKEN }: KitConfig): string[] =>
  SERVICE_AUTH_TOKEN.split(',').map((token) => token.trim())
