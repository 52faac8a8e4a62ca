import type { Redis } from 'ioredis'
import { createRouteTable, type RouteTable } from '../domain/route-table.ts'
import {
  createWindowCounter,
  type Verdict,
  type WindowCounter,
  type WindowRule,
} from '../domain/window-counter.ts'

export interface LimiterRules {
  user: WindowRule
  address: WindowRule
  /** Of single paths, per person or address, beside the general ones. */
  routes: readonly (WindowRule & { prefix: string })[]
}

/** Counts requests per person, address and route. Never waits: see `shareCounts`. */
export interface Limiter {
  takeUser(id: string, now: number): Verdict
  takeAddress(address: string, now: number): Verdict
  /** Undefined when the path has no limit of its own. */
  takeRoute(path: string, who: string, now: number): Verdict | undefined
  /** Replaces the limits of single paths; counts of unchanged ones go on. */
  setRoutes(routes: LimiterRules['routes']): void
  counters(): Iterable<[name: string, counter: WindowCounter]>
}

export function createLimiter(rules: LimiterRules): Limiter {
  const users = createWindowCounter(rules.user)
  const addresses = createWindowCounter(rules.address)
  let routes: RouteTable<{ prefix: string; counter: WindowCounter }> = createRouteTable([])
  const setRoutes = (given: LimiterRules['routes']): void => {
    const known = new Map(routes.all.map((route) => [route.prefix, route.counter]))
    routes = createRouteTable(
      given.map(({ prefix, limit, windowSeconds }) => {
        const counter = known.get(prefix)
        const same = counter?.rule.limit === limit && counter.rule.windowSeconds === windowSeconds
        return { prefix, counter: same ? counter : createWindowCounter({ limit, windowSeconds }) }
      }),
    )
  }
  setRoutes(rules.routes)
  return {
    takeUser: (id, now) => users.take(id, now),
    takeAddress: (address, now) => addresses.take(networkOf(address), now),
    takeRoute: (path, who, now) =>
      routes.all.length === 0 ? undefined : routes.find(path)?.counter.take(who, now),
    setRoutes,
    *counters() {
      yield ['user', users]
      yield ['address', addresses]
      for (const { prefix, counter } of routes.all) yield [`route:${prefix}`, counter]
    },
  }
}

/** A household has a /64 of IPv6 to choose addresses from: those count as one. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail = ''] = address.split('::', 2)
  const [before, after] = [head.split(':').filter(Boolean), tail.split(':').filter(Boolean)]
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  return [...before, ...zeros, ...after].slice(0, 4).join(':')
}

export interface SharedCounts {
  /** Tells the others and learns from them now. Rejects when the store is away. */
  exchange(): Promise<void>
  stop(): void
}

const everyMs = 200

/**
 * Shares counts between replicas by Redis, in the background: no request waits for it. Several
 * replicas together may let through what arrives within a fifth of a second. While Redis is away each
 * replica goes on counting for itself, so the limiter fails open.
 */
export function shareCounts(limiter: Limiter, redis: Redis): SharedCounts {
  const exchange = async (): Promise<void> => {
    const pipeline = redis.pipeline()
    const asked: { counter: WindowCounter; window: number; key: string }[] = []
    for (const [name, counter] of limiter.counters()) {
      const { window, counts } = counter.drain()
      for (const [key, count] of counts) {
        const entry = `gateway:rate:${name}:${window}:${key}`
        pipeline.incrby(entry, count).expire(entry, counter.rule.windowSeconds * 2)
        asked.push({ counter, window, key })
      }
    }
    if (asked.length === 0) return
    const answers = (await pipeline.exec()) ?? []
    asked.forEach(({ counter, window, key }, i) => {
      const [error, total] = answers[i * 2] ?? []
      if (!error && typeof total === 'number') counter.learn(window, key, total)
    })
  }
  const timer = setInterval(() => {
    if (redis.status === 'ready') exchange().catch(() => {})
  }, everyMs).unref()
  return {
    exchange,
    stop: () => clearInterval(timer),
  }
}
