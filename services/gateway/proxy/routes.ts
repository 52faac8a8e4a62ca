import type { Logger } from 'pino'
import type { Directory } from '@ait/kit'
import { defaultTimeouts, type UpstreamConfig } from '../domain/gateway-file.ts'
import { createRouteTable, type RouteTable } from '../domain/route-table.ts'
import type { Outbox } from './outbox.ts'
import { createUpstream, type Upstream } from './upstream.ts'

/** Where paths with a prefix go: to the gateway itself, or to an upstream. */
export interface Route {
  prefix: string
  upstream: Upstream | null
  /** Probes must answer however much else is asked. */
  isLimited: boolean
}

export interface Routes {
  readonly table: RouteTable<Route>
  readonly upstreams: readonly Upstream[]
  /** Takes over new extra upstreams; those that did not change keep their connections and counts. */
  replace(extra: readonly UpstreamConfig[]): void
  close(): void
}

/** The gateway's own paths, which no upstream can take over. */
const ownPrefixes = ['/api/v1/gateway', '/docs', '/redoc', '/openapi.json']
const probePrefixes = ['/health', '/metrics', '/internal']

/** What of the suite stands outside `/api/v1/<service>`: OpenID discovery and keys belong to auth. */
const rootPaths: Record<string, string[]> = { auth: ['/.well-known'] }

/** One upstream per service of the suite, found through the directory. */
export function serviceUpstreams(
  services: Directory,
  bodyLimitBytes: number,
  self: string,
): UpstreamConfig[] {
  return services.all
    .filter((info) => info.name !== self)
    .map((info) => ({
      name: info.name,
      prefix: info.path,
      stripPrefix: false,
      access: 'service',
      // Several replicas: the addresses with commas between them.
      targets: services
        .url(info.name)
        .split(',')
        .map((url) => url.trim().replace(/\/$/, '')),
      health: { path: '/health/ready', intervalMs: 5000, timeoutMs: 3000 },
      timeouts: defaultTimeouts,
      bodyLimitBytes,
      allowLinkLocal: false,
      service: info.name,
    }))
}

/** Into this all connections read; see `Connection`. */
const readBytes = 65_536

export function createRoutes(fixed: readonly UpstreamConfig[], log: Logger, outbox: Outbox): Routes {
  const shared = { outbox, readInto: Buffer.allocUnsafeSlow(readBytes) }
  const create = (config: UpstreamConfig): Upstream => createUpstream(config, shared, note)
  const own: Route[] = [
    ...ownPrefixes.map((prefix) => ({ prefix, upstream: null, isLimited: true })),
    ...probePrefixes.map((prefix) => ({ prefix, upstream: null, isLimited: false })),
  ]
  const note = (message: string): void => log.warn(message)
  const services = fixed.map(create)
  let extra: Upstream[] = []
  let table = createRouteTable([...own, ...routesOf(services)])
  return {
    get table() {
      return table
    },
    get upstreams() {
      return [...services, ...extra]
    },
    replace(configs) {
      const names = new Set(services.map(({ config }) => config.name))
      for (const { name } of configs) {
        if (names.has(name)) throw new Error(`two upstreams have the name ${name}`)
        names.add(name)
      }
      const kept = new Map(extra.map((upstream) => [JSON.stringify(upstream.config), upstream]))
      const next = configs.map((config) => kept.get(JSON.stringify(config)) ?? create(config))
      table = createRouteTable([...own, ...routesOf(services), ...routesOf(next)])
      for (const upstream of extra) if (!next.includes(upstream)) upstream.close()
      extra = next
    },
    close: () => [...services, ...extra].forEach((upstream) => upstream.close()),
  }
}

const routesOf = (upstreams: readonly Upstream[]): Route[] =>
  upstreams.flatMap((upstream) =>
    [upstream.config.prefix, ...(rootPaths[upstream.config.service ?? ''] ?? [])].map((prefix) => ({
      prefix,
      upstream,
      isLimited: true,
    })),
  )
