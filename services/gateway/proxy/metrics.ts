import type { Registry } from 'prom-client'
import type { Deps } from '../deps.ts'
import { buckets, type Traffic } from './traffic.ts'

type Value = { value: number; labels: Record<string, string | number>; metricName?: string }

/**
 * Gives Prometheus what the front has counted. The counts are read when they are asked for: nothing
 * but a few array writes happens per request.
 */
export function exportTraffic(
  registry: Registry,
  { routes, front, upgrades, cache }: Pick<Deps, 'routes' | 'front' | 'upgrades' | 'cache'>,
): void {
  const traffics = (): [string, Traffic][] => [
    ['gateway', front.own],
    ...routes.upstreams.map(({ config, traffic }): [string, Traffic] => [config.name, traffic]),
  ]
  const add = (name: string, help: string, type: string, read: () => Value[]): void => {
    const get = async () => ({ name, help, type, values: read(), aggregator: 'sum' })
    registry.registerMetric({ name, help, type, get, reset() {} } as never)
  }
  add('gateway_request_duration_seconds', 'Time to the head of the answer, by upstream', 'histogram', () =>
    traffics().flatMap(([upstream, traffic]) => histogram(upstream, traffic)),
  )
  add('gateway_responses_total', 'Answers by upstream and class', 'counter', () =>
    traffics().flatMap(([upstream, { byClass }]) =>
      byClass.flatMap((value, i) => (value > 0 ? [{ value, labels: { upstream, class: `${i}xx` } }] : [])),
    ),
  )
  const perUpstream = (name: string, help: string, type: string, read: (traffic: Traffic) => number): void =>
    add(name, help, type, () =>
      traffics().map(([upstream, traffic]) => ({ value: read(traffic), labels: { upstream } })),
    )
  perUpstream('gateway_in_flight', 'Requests on their way over HTTP', 'gauge', (traffic) => traffic.inFlight)
  perUpstream(
    'gateway_retries_total',
    'Requests that were sent again',
    'counter',
    (traffic) => traffic.retries,
  )
  perUpstream(
    'gateway_failures_total',
    'Requests that got no answer',
    'counter',
    (traffic) => traffic.failures,
  )
  add('gateway_tunnels', 'Open WebSockets', 'gauge', () => [{ value: upgrades.open, labels: {} }])
  add('gateway_cache_bytes', 'Memory of stored answers', 'gauge', () => [{ value: cache.bytes, labels: {} }])
}

function histogram(upstream: string, { durations, requests, seconds }: Traffic): Value[] {
  const metric = 'gateway_request_duration_seconds'
  let seen = 0
  const counts = buckets.map((le, i) => {
    seen += durations[i] as number
    return { value: seen, labels: { upstream, le }, metricName: `${metric}_bucket` }
  })
  return [
    ...counts,
    { value: requests, labels: { upstream, le: '+Inf' }, metricName: `${metric}_bucket` },
    { value: seconds, labels: { upstream }, metricName: `${metric}_sum` },
    { value: requests, labels: { upstream }, metricName: `${metric}_count` },
  ]
}
