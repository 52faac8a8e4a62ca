import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { replaceFile } from './files.ts'

export type Environment = Record<string, string | undefined>

/** The folder of the project. */
export const root = resolve(import.meta.dirname, '../../..')

/** The variables of `.env.services`, overruled by those of the process. */
export function readEnvironment(folder: string = root, real: Environment = process.env): Environment {
  const file = join(folder, '.env.services')
  return { ...(existsSync(file) && parseEnv(readFileSync(file, 'utf8'))), ...real }
}

/** Where the suite keeps its data: `DATA_DIR`, else `.data` in the project. */
export const dataDirOf = (env: Environment): string => resolve(root, env['DATA_DIR'] || '.data')

/**
 * Adds the secrets that nobody has set. They are made once and kept in `.data/secrets.json`. In
 * production they have to be set: what only one replica knows is of no use to the others.
 */
export function withSecrets(env: Environment, dataDir: string): Environment {
  const missing = ['JWT_SECRET_KEY', 'SERVICE_AUTH_TOKEN'].filter((name) => !env[name])
  if (missing.length === 0 || env['NODE_ENV'] === 'production') return env
  const file = join(dataDir, 'secrets.json')
  const kept: Environment = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const made = missing.filter((name) => !kept[name])
  for (const name of made) kept[name] = randomBytes(48).toString('base64url')
  if (made.length > 0) replaceFile(file, JSON.stringify(kept, null, 2), 0o600)
  return { ...env, ...Object.fromEntries(missing.map((name) => [name, kept[name]])) }
}
