import { principalId, problems } from '@ait/kit'
import type { Static } from '@ait/kit/contract'
import type { UpstreamEntry } from '../contract.ts'
import type { Deps } from '../deps.ts'
import { route } from '../kit.ts'
import { quantileMs, type Traffic } from '../proxy/traffic.ts'
import type { Target, Upstream } from '../proxy/upstream.ts'

type Entry = Static<typeof UpstreamEntry>

export const listRoutes = route('listRoutes', async (ctx) => {
  const { deps, page } = ctx
  const all = deps.routes.table.all.toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1))
  const after = page.after?.[0] as string | undefined
  const rows = all.filter(({ prefix }) => after === undefined || prefix > after).slice(0, page.limit + 1)
  const { items, next_cursor } = ctx.pageOf(rows, (row) => [row.prefix])
  return {
    items: items.map(({ prefix, upstream }) => ({
      prefix,
      upstream: upstream?.config.name ?? null,
      access: upstream?.config.access ?? ('service' as const),
      in_process: upstream === null || deps.isHere(upstream),
    })),
    next_cursor,
    file: fileState(deps),
  }
})

export const listUpstreams = route('listUpstreams', async (ctx) => {
  const { deps, page } = ctx
  const all = deps.routes.upstreams.toSorted((a, b) => (a.config.name < b.config.name ? -1 : 1))
  const after = page.after?.[0] as string | undefined
  const rows = all.filter(({ config }) => after === undefined || config.name > after).slice(0, page.limit + 1)
  const { items, next_cursor } = ctx.pageOf(rows, (row) => [row.config.name])
  return { items: items.map((upstream) => entryOf(upstream, deps)), next_cursor, file: fileState(deps) }
})

export const drainUpstream = route('drainUpstream', async ({ deps, params, body, log, principal }) => {
  const upstream = setDrained(deps, params.name, body.target, true)
  log.warn({ upstream: params.name, target: body.target, user_id: principalId(principal) }, 'drained')
  return entryOf(upstream, deps)
})

export const undrainUpstream = route('undrainUpstream', async ({ deps, params, body, log, principal }) => {
  const upstream = setDrained(deps, params.name, body.target, false)
  log.warn(
    { upstream: params.name, target: body.target, user_id: principalId(principal) },
    'in service again',
  )
  return entryOf(upstream, deps)
})

export const getStats = route('getStats', async ({ deps }) => ({
  started_at: deps.startedAt.toISOString(),
  tunnels: deps.upgrades.open,
  cache_bytes: deps.cache.bytes,
  upstreams: [
    statsOf('gateway', deps.front.own),
    ...deps.routes.upstreams.map(({ config, traffic }) => statsOf(config.name, traffic)),
  ],
}))

function setDrained(deps: Deps, name: string, url: string | undefined, drained: boolean): Upstream {
  const upstream = deps.routes.upstreams.find(({ config }) => config.name === name)
  if (!upstream) throw problems.notFound()
  if (deps.isHere(upstream))
    throw problems.conflict('in_process', 'A service of the same process is stopped with it, not drained')
  const targets = upstream.targets.filter((target) => url === undefined || target.url === url)
  if (targets.length === 0) throw problems.invalid(['body', 'target'], 'is none of its targets')
  for (const target of targets) target.drained = drained
  return upstream
}

const entryOf = (upstream: Upstream, deps: Deps): Entry => ({
  name: upstream.config.name,
  prefix: upstream.config.prefix,
  in_process: deps.isHere(upstream),
  breaker: upstream.breaker.state(Date.now()),
  targets: upstream.targets.map((target) => ({
    url: target.url,
    state: stateOf(target),
    in_flight: target.inFlight,
    connections: target.pool.open,
    waiting: target.pool.queued,
  })),
})

function stateOf({ drained, healthy, outlier }: Target): 'ok' | 'unhealthy' | 'ejected' | 'drained' {
  if (drained) return 'drained'
  if (!healthy) return 'unhealthy'
  return outlier.ejectedUntil > Date.now() ? 'ejected' : 'ok'
}

const statsOf = (upstream: string, traffic: Traffic) => ({
  upstream,
  requests: traffic.requests,
  in_flight: traffic.inFlight,
  by_class: Object.fromEntries(
    traffic.byClass.flatMap((count, hundreds) => (count > 0 ? [[`${hundreds}xx`, count]] : [])),
  ),
  mean_ms: traffic.requests === 0 ? null : Math.round((traffic.seconds / traffic.requests) * 1e6) / 1e3,
  p50_ms: quantileMs(traffic, 0.5),
  p99_ms: quantileMs(traffic, 0.99),
  retries: traffic.retries,
  failures: traffic.failures,
})

const fileState = ({ file }: Deps) => ({
  path: file.path,
  loaded_at: file.loadedAt?.toISOString() ?? null,
  fault: file.fault,
})
