import { Ajv } from 'ajv'
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
    minLength: 32,
    description: 'Bearer token of services; two values with a comma between them while rotating',
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
  REQUEST_TIMEOUT_MS: T.Integer({ default: 60_000, description: 'Time to receive a whole JSON request' }),
  EVENT_RETRY_BASE_MS: T.Integer({ default: 1000, description: 'First wait before an event is sent again' }),
  EVENT_MAX_ATTEMPTS: T.Integer({
    default: 12,
    description: 'Refusals after which an event is a dead letter',
  }),
  SHUTDOWN_TIMEOUT_MS: T.Integer({
    default: 20_000,
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
  const ajv = new Ajv({ coerceTypes: true, useDefaults: true, allErrors: true, strict: false })
  const values: Record<string, unknown> = {}
  for (const name of Object.keys(schema.properties)) {
    if (env[name] !== undefined && env[name] !== '') values[name] = env[name]
  }
  const validate = ajv.compile(JSON.parse(JSON.stringify(schema)))
  if (!validate(values)) {
    const lines = (validate.errors ?? []).map((error) => {
      const name = error.instancePath.slice(1) || String(error.params['missingProperty'])
      return `${name} ${error.keyword === 'required' ? 'is not set' : error.message}`
    })
    throw new ConfigError(lines.join('\n'))
  }
  return values as Static<S>
}

/** Refuses secrets that are known to the world. Only production is strict. */
export function refuseWeakSecrets(config: KitConfig): void {
  if (config.NODE_ENV !== 'production') return
  for (const name of ['JWT_SECRET_KEY', 'SERVICE_AUTH_TOKEN'] as const) {
    const value = config[name]
    if (/change|example|secret|default|password/i.test(value) || new Set(value).size < 12)
      throw new ConfigError(`${name} is a default or too simple: set at least 32 random characters`)
  }
}
