import { T, type Static } from '@ait/kit/contract'
import { Errors } from 'typebox/value'
import { parseTarget } from './upstream-address.ts'
import type { WindowRule } from './window-counter.ts'

const ms = (standard: number, description: string) =>
  T.Optional(T.Integer({ minimum: 1, maximum: 3_600_000, default: standard, description }))

const UpstreamEntry = T.Object(
  {
    name: T.String({ pattern: '^[a-z][a-z0-9-]{0,40}$', description: 'Unique, also among the services' }),
    prefix: T.String({ pattern: '^/[^?#]*$', description: 'Paths that begin with these segments' }),
    targets: T.Array(T.String(), {
      minItems: 1,
      maxItems: 100,
      description: 'http://host:port, equal replicas',
    }),
    strip_prefix: T.Optional(T.Boolean({ description: 'Send /x instead of /prefix/x' })),
    access: T.Optional(
      T.Enum(['service', 'token', 'open'], {
        description:
          'service: tokens are checked, the service decides; token: none but valid tokens; open: tokens are not looked at',
      }),
    ),
    health: T.Optional(
      T.Object(
        {
          path: T.String({ pattern: '^/' }),
          interval_ms: ms(5000, 'Between two checks'),
          timeout_ms: ms(2000, 'For one check'),
        },
        { additionalProperties: false },
      ),
    ),
    timeouts: T.Optional(
      T.Object(
        {
          connect_ms: ms(2000, 'To connect'),
          headers_ms: ms(60_000, 'From the end of the request to the head of the answer'),
          idle_ms: ms(60_000, 'Longest silence while a body is under way'),
        },
        { additionalProperties: false },
      ),
    ),
    rate_limit: T.Optional(
      T.Object(
        { requests: T.Integer({ minimum: 1 }), window_s: T.Integer({ minimum: 1, maximum: 86_400 }) },
        { additionalProperties: false, description: 'Per person or address, beside the general one' },
      ),
    ),
    body_limit_bytes: T.Optional(T.Integer({ minimum: 0 })),
    allow_link_local: T.Optional(T.Boolean({ description: 'Permit link-local and metadata addresses' })),
  },
  { additionalProperties: false },
)

const RouteLimit = T.Object(
  {
    prefix: T.String({ pattern: '^/' }),
    requests: T.Integer({ minimum: 1 }),
    window_s: T.Integer({ minimum: 1, maximum: 86_400 }),
  },
  { additionalProperties: false },
)

/** `gateway.yaml`. */
export const GatewayFile = T.Object(
  {
    upstreams: T.Optional(T.Array(UpstreamEntry, { maxItems: 200 })),
    rate_limits: T.Optional(T.Array(RouteLimit, { maxItems: 200, description: 'Limits of single paths' })),
  },
  { additionalProperties: false },
)
export type GatewayFile = Static<typeof GatewayFile>

export type Access = 'service' | 'token' | 'open'

export interface UpstreamConfig {
  name: string
  prefix: string
  stripPrefix: boolean
  access: Access
  targets: string[]
  health: { path: string; intervalMs: number; timeoutMs: number } | null
  timeouts: { connectMs: number; headersMs: number; idleMs: number }
  bodyLimitBytes: number
  allowLinkLocal: boolean
  /** Name of the suite's service that stands there, which may be in this process. */
  service: string | null
}

/** A gateway.yaml that cannot be used; the message says where and why, a line per fault. */
export class GatewayFileError extends Error {}

export const defaultTimeouts = { connectMs: 2000, headersMs: 60_000, idleMs: 60_000 }

/**
 * Checks what was read from gateway.yaml.
 * @throws GatewayFileError
 */
export function readGatewayFile(
  value: unknown,
  bodyLimitBytes: number,
): { upstreams: UpstreamConfig[]; limits: (WindowRule & { prefix: string })[] } {
  const file = (value ?? {}) as GatewayFile
  const faults = Errors(GatewayFile, file)
    .slice(0, 10)
    .map((fault) => `${fault.instancePath || '/'} ${fault.message}${extraName(fault)}`)
  if (faults.length > 0) throw new GatewayFileError(faults.join('\n'))
  const upstreams = (file.upstreams ?? []).map((entry) => upstreamConfig(entry, bodyLimitBytes))
  const limits = [
    ...(file.rate_limits ?? []),
    ...(file.upstreams ?? []).flatMap(({ prefix, rate_limit }) =>
      rate_limit ? [{ prefix, ...rate_limit }] : [],
    ),
  ].map(({ prefix, requests, window_s }) => ({ prefix, limit: requests, windowSeconds: window_s }))
  const twice = limits.find(({ prefix }, i) => limits.findIndex((other) => other.prefix === prefix) !== i)
  if (twice) throw new GatewayFileError(`two limits for ${twice.prefix}`)
  return { upstreams, limits }
}

function upstreamConfig(entry: Static<typeof UpstreamEntry>, bodyLimitBytes: number): UpstreamConfig {
  const allowLinkLocal = entry.allow_link_local ?? false
  for (const target of entry.targets) {
    try {
      parseTarget(target, allowLinkLocal)
    } catch (error) {
      throw new GatewayFileError(`${entry.name}: ${(error as Error).message}`)
    }
  }
  const { health, timeouts } = entry
  return {
    name: entry.name,
    prefix: entry.prefix,
    stripPrefix: entry.strip_prefix ?? false,
    access: entry.access ?? 'service',
    targets: entry.targets,
    health: health
      ? { path: health.path, intervalMs: health.interval_ms ?? 5000, timeoutMs: health.timeout_ms ?? 2000 }
      : null,
    timeouts: {
      connectMs: timeouts?.connect_ms ?? defaultTimeouts.connectMs,
      headersMs: timeouts?.headers_ms ?? defaultTimeouts.headersMs,
      idleMs: timeouts?.idle_ms ?? defaultTimeouts.idleMs,
    },
    bodyLimitBytes: entry.body_limit_bytes ?? bodyLimitBytes,
    allowLinkLocal,
    service: null,
  }
}

const extraName = (fault: { params: unknown }): string => {
  const names = (fault.params as { additionalProperties?: string[] }).additionalProperties
  return names ? `: ${names.join(', ')}` : ''
}
