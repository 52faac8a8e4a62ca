import type { Exchange, UpstreamFailure } from './connection.ts'
import type { Target, Upstream } from './upstream.ts'

/** Failed checks in a row after which a target is left out. One good answer brings it back. */
const failuresToLeave = 2

/** Asks each target whether it is well, at the interval its upstream says. Stop it by the answer. */
export function startHealthChecks(
  upstreams: () => readonly Upstream[],
  wanted: (upstream: Upstream) => boolean,
) {
  const next = new Map<Target, number>()
  const timer = setInterval(() => {
    const now = Date.now()
    const seen = new Set<Target>()
    for (const upstream of upstreams()) {
      const { health } = upstream.config
      if (!health || !wanted(upstream)) continue
      for (const target of upstream.targets) {
        seen.add(target)
        if ((next.get(target) ?? 0) > now) continue
        next.set(target, now + health.intervalMs)
        void checkTarget(target, health.path, health.timeoutMs).then((ok) => note(target, ok))
      }
    }
    for (const target of next.keys()) if (!seen.has(target)) next.delete(target)
  }, 250).unref()
  return () => clearInterval(timer)
}

function note(target: Target, ok: boolean): void {
  target.checkFailures = ok ? 0 : target.checkFailures + 1
  target.healthy = target.checkFailures < failuresToLeave
}

/** One check: whether the target answers with less than 400 in time. */
export function checkTarget(target: Target, path: string, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => {
    exchange.connection?.abort()
    target.pool.withdraw(exchange)
    resolve(false)
  }, timeoutMs)
  const finish = (ok: boolean): void => {
    clearTimeout(timer)
    resolve(ok)
  }
  let ok = false
  const { host, port } = target.origin
  const exchange: Exchange = {
    method: 'GET',
    head: `GET ${path} HTTP/1.1\r\nhost: ${host.includes(':') ? `[${host}]` : host}:${port}\r\nuser-agent: ait-gateway\r\n\r\n`,
    isRepeatable: true,
    wantsFresh: true,
    isSent: true,
    connection: undefined,
    onSent() {},
    onPause() {},
    onDrain() {},
    onHead: (status) => void (ok = status < 400),
    onBody() {},
    onEnd: () => finish(ok),
    onFailure: (_failure: UpstreamFailure) => finish(false),
  }
  target.pool.send(exchange)
  return promise
}
