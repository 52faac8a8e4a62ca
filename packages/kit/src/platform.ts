import type { Logger } from 'pino'
import type { Authority } from './access/verify.ts'
import type { Environment } from './config.ts'
import type { RunningService } from './service/start.ts'

/** One service of the suite, as the others know it. */
export interface ServiceInfo {
  name: string
  title: string
  port: number
  /** Prefix of its API, `/api/v1/<name>`. */
  path: string
  /** Event types that it wants to be sent. */
  subscriptions: readonly string[]
}

/** Where the services are: in this process, or at an address. */
export interface Directory {
  all: readonly ServiceInfo[]
  local(name: string): RunningService | undefined
  url(name: string): string
}

/** What the process gives to each service in it. */
export interface Platform {
  env: Environment
  log: Logger
  /** Folder for files that services keep on this machine. */
  dataDir: string
  services: Directory
  /** The clock. Tests set their own. */
  now(): Date
  /** Whom to trust. Default: the suite's auth service. */
  authority?: Authority
  /** Tests check each answer against its schema; it costs too much in production. */
  checkAnswers?: boolean
}

const variable = (name: string, what: string): string => `${name.toUpperCase().replaceAll('-', '_')}_${what}`

/** The port of a service: `<NAME>_PORT` when that is set, else its own. */
export const portOf = (service: { name: string; port: number }, env: Environment): number =>
  Number(env[variable(service.name, 'PORT')]) || service.port

/**
 * The directory of a process: `running` are the services started in it, all others are found at
 * `<NAME>_URL`, or by `SERVICE_URL_TEMPLATE` (`http://{name}-service:{port}` in containers).
 */
export function createDirectory(
  all: readonly ServiceInfo[],
  running: ReadonlyMap<string, RunningService>,
  env: Environment,
): Directory {
  const template = env['SERVICE_URL_TEMPLATE'] || 'http://127.0.0.1:{port}'
  return {
    all,
    local: (name) => running.get(name),
    url(name) {
      const own = env[variable(name, 'URL')]
      const info = all.find((service) => service.name === name)
      if (!own && !info) throw new Error(`no service ${name}`)
      return own || template.replace('{name}', name).replace('{port}', String(info && portOf(info, env)))
    },
  }
}
