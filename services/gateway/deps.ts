import type { IncomingMessage, ServerResponse } from 'node:http'
import { resolve } from 'node:path'
import type { KitConfig, ServiceRuntime } from '@ait/kit'
import type { Config } from './config.ts'
import { trustedProxies } from './domain/client-address.ts'
import { sessionCookieName } from './domain/cookies.ts'
import { createCors } from './domain/cors.ts'
import { defaultTimeouts, type UpstreamConfig } from './domain/gateway-file.ts'
import { membersOf, type Member } from './domain/members.ts'
import { createFates } from './domain/request-head.ts'
import { createTraceIds } from './domain/trace.ts'
import { createAnswerCache, type AnswerCache } from './proxy/answer-cache.ts'
import { watchGatewayFile, type WatchedFile } from './proxy/config-file.ts'
import { createFront, type Front, type FrontOptions } from './proxy/front.ts'
import { startHealthChecks } from './proxy/health-checks.ts'
import {
  createLimiter,
  shareCounts,
  type Limiter,
  type LimiterRules,
  type SharedCounts,
} from './proxy/limiter.ts'
import { createOutbox, type Outbox } from './proxy/outbox.ts'
import { openRedis } from './proxy/redis.ts'
import { createRoutes, serviceUpstreams, type Routes } from './proxy/routes.ts'
import { createSessions, type Sessions } from './proxy/sessions.ts'
import { createMemoryTickets, createSharedTickets, type Tickets } from './proxy/tickets.ts'
import type { Upstream } from './proxy/upstream.ts'
import { createUpgrades, type Upgrades } from './proxy/upgrade.ts'

/** What handlers work with. */
export interface Deps {
  routes: Routes
  file: WatchedFile & { path: string }
  front: Front
  upgrades: Upgrades
  sessions: Sessions
  tickets: Tickets
  cache: AnswerCache
  cookieName: string
  isHttps: boolean
  shared: SharedCounts | null
  startedAt: Date
  version: string
  /** Whether an upstream is a service of this process. */
  isHere(upstream: Upstream): boolean
  /** The services of the suite, as far as `/health` is concerned. */
  members(): Member[]
  /** Set when the Fastify instance exists: it answers the gateway's own paths. */
  own: { handle(request: IncomingMessage, response: ServerResponse): void }
}

type Runtime = ServiceRuntime<Config & KitConfig>

export async function createDeps(service: Runtime, version: string): Promise<Deps> {
  const { config, platform, log, name } = service
  const limits = config.GATEWAY_BODY_LIMIT_BYTES
  const web = config.GATEWAY_WEB_URL ? [webUpstream(config.GATEWAY_WEB_URL, limits)] : []
  const outbox = createOutbox()
  const upstreams = [...serviceUpstreams(platform.services, limits, name), ...web]
  const routes = createRoutes(upstreams, log, outbox)
  const limiter = createLimiter(limiterRules(config))
  const { tickets, shared } = openShared(service, limiter)
  const file = await openFile(service, routes, limiter)
  const own: Deps['own'] = { handle: (_request, response) => void response.destroy() }
  const cache = createAnswerCache(config.GATEWAY_CACHE_BYTES)
  const sessions = createSessions(service.transport, service.revocations, log)
  const options = frontOptions(service, { routes, limiter, outbox, cache, sessions, own })
  startBackground(service, routes)
  return {
    routes,
    file,
    front: createFront(options),
    upgrades: createUpgrades(options, tickets),
    sessions,
    tickets,
    cache,
    shared,
    cookieName: options.cookieName,
    isHttps: options.isHttps,
    startedAt: service.now(),
    version,
    isHere: ({ config: { service: found } }) =>
      found !== null && platform.services.local(found) !== undefined,
    members: () => membersOf(platform.services, name, config.GATEWAY_EXPECTED_SERVICES, platform.env),
    own,
  }
}

function frontOptions(
  { config, platform, verifier, log }: Runtime,
  parts: {
    routes: Routes
    limiter: Limiter
    outbox: Outbox
    cache: AnswerCache
    sessions: Sessions
    own: Deps['own']
  },
): FrontOptions {
  const { own, ...rest } = parts
  const cors = createCors(config.CORS_ORIGINS)
  const isHttps = config.PUBLIC_URL.startsWith('https:')
  return {
    ...rest,
    services: platform.services,
    verifier,
    cors,
    traces: createTraceIds(),
    fateOf: createFates(),
    isTrusted: trustedProxies(config.TRUSTED_PROXIES),
    cookieName: sessionCookieName(isHttps),
    isHttps,
    ownOrigins: [new URL(config.PUBLIC_URL).origin, ...cors.origins],
    log,
    own: (request, response) => own.handle(request, response),
  }
}

const limiterRules = (config: Config): LimiterRules => ({
  user: { limit: config.GATEWAY_RATE_USER_PER_MINUTE, windowSeconds: 60 },
  address: { limit: config.GATEWAY_RATE_ADDRESS_PER_MINUTE, windowSeconds: 60 },
  routes: [],
})

/** What several replicas have in common, when there is Redis. */
function openShared({ config, log, onStop }: Runtime, limiter: Limiter): Pick<Deps, 'tickets' | 'shared'> {
  if (!config.REDIS_URL) return { tickets: createMemoryTickets(), shared: null }
  const redis = openRedis(config.REDIS_URL, log)
  const shared = shareCounts(limiter, redis)
  onStop(() => {
    shared.stop()
    redis.disconnect()
  })
  return { tickets: createSharedTickets(redis), shared }
}

async function openFile(
  { config, log, onStop }: Runtime,
  routes: Routes,
  limiter: Limiter,
): Promise<Deps['file']> {
  const path = resolve(config.GATEWAY_FILE)
  const watched = await watchGatewayFile({
    path,
    bodyLimitBytes: config.GATEWAY_BODY_LIMIT_BYTES,
    log,
    apply({ upstreams, limits }) {
      routes.replace(upstreams)
      limiter.setRoutes(limits)
    },
  })
  onStop(() => watched.stop())
  return Object.assign(watched, { path })
}

/** Active checks, and the look for waits that became too long. */
function startBackground({ platform, onStop }: Runtime, routes: Routes): void {
  const sweep = setInterval(() => {
    const now = Date.now()
    for (const upstream of routes.upstreams) upstream.sweep(now)
  }, 250).unref()
  const isElsewhere = (service: string | null): boolean =>
    service === null || platform.services.local(service) === undefined
  const stopChecks = startHealthChecks(
    () => routes.upstreams,
    // A single target is asked by the requests themselves: there is no other to choose.
    ({ config, targets }) => targets.length > 1 && isElsewhere(config.service),
  )
  onStop(() => {
    clearInterval(sweep)
    stopChecks()
    routes.close()
  })
}

/** The suite's own pages: they get the token of who asks, as services do, and not the cookie. */
const webUpstream = (url: string, bodyLimitBytes: number): UpstreamConfig => ({
  name: 'web',
  prefix: '/',
  stripPrefix: false,
  access: 'service',
  targets: url.split(',').map((target) => target.trim().replace(/\/$/, '')),
  health: { path: '/', intervalMs: 5000, timeoutMs: 3000 },
  timeouts: defaultTimeouts,
  bodyLimitBytes,
  allowLinkLocal: false,
  service: null,
})
