import {
  chooseOfTwo,
  createBreaker,
  createRetryBudget,
  newOutlierState,
  recordOutcome,
  type Breaker,
  type OutlierState,
  type RetryBudget,
} from '../domain/resilience.ts'
import { parseTarget } from '../domain/upstream-address.ts'
import type { UpstreamConfig } from '../domain/gateway-file.ts'
import type { Origin, Shared } from './connection.ts'
import { ConnectionPool } from './connection-pool.ts'
import { createTraffic, type Traffic } from './traffic.ts'

/** One address of an upstream. */
export interface Target {
  url: string
  origin: Origin
  pool: ConnectionPool
  inFlight: number
  /** An administrator takes it out of service: no new requests, those under way go on. */
  drained: boolean
  /** What the active checks say. */
  healthy: boolean
  checkFailures: number
  outlier: OutlierState
}

/** What stands behind a route: targets that are as good as each other. */
export interface Upstream {
  config: UpstreamConfig
  targets: readonly Target[]
  breaker: Breaker
  retries: RetryBudget
  traffic: Traffic
  /** The target for the next request, preferably not `except`. */
  choose(now: number, except?: Target): Target | undefined
  /** A target has answered; `ok` is false for a 5xx. */
  answered(target: Target, ok: boolean): void
  /** A target could not be reached, or did not answer. */
  lost(target: Target, now: number): void
  sweep(now: number): void
  close(): void
}

const poolLimits = { connections: 256, queued: 1024 }

export function createUpstream(
  config: UpstreamConfig,
  shared: Shared,
  log: (message: string) => void,
): Upstream {
  const targets = config.targets.map((url) => createTarget(url, config, shared))
  const breaker = createBreaker()
  const note = (target: Target, ok: boolean, now: number): void => {
    const ejected = targets.filter((other) => other.outlier.ejectedUntil > now).length
    if (recordOutcome(target.outlier, ok, now, { total: targets.length, ejected }))
      log(`${config.name}: ${target.url} failed again and again and is left out for a while`)
  }
  return {
    config,
    targets,
    breaker,
    retries: createRetryBudget(),
    traffic: createTraffic(),
    choose(now, except) {
      const only = targets[0]
      if (targets.length === 1 && only) return only.drained ? undefined : only
      return chooseOfTwo(candidates(targets, now, except))
    },
    answered(target, ok) {
      breaker.succeeded()
      if (!ok || target.outlier.consecutiveFailures > 0 || target.outlier.ejections > 0)
        note(target, ok, Date.now())
    },
    lost(target, now) {
      breaker.failed(now)
      note(target, false, now)
    },
    sweep: (now) => targets.forEach((target) => target.pool.sweep(now)),
    close: () => targets.forEach((target) => target.pool.close()),
  }
}

/** When all are sick, sending to any of them is better than to none. */
function candidates(targets: readonly Target[], now: number, except?: Target): readonly Target[] {
  const inService = targets.filter((target) => !target.drained)
  const well = inService.filter((target) => target.healthy && target.outlier.ejectedUntil <= now)
  const pool = well.length > 0 ? well : inService
  const others = pool.filter((target) => target !== except)
  return others.length > 0 ? others : pool
}

function createTarget(url: string, config: UpstreamConfig, shared: Shared): Target {
  const origin = { ...parseTarget(url, config.allowLinkLocal), allowLinkLocal: config.allowLinkLocal }
  return {
    url,
    origin,
    pool: new ConnectionPool(origin, config.timeouts, poolLimits, shared),
    inFlight: 0,
    drained: false,
    healthy: true,
    checkFailures: 0,
    outlier: newOutlierState(),
  }
}
