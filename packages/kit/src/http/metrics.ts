import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { within } from './deadline.ts'

export interface Metrics {
  registry: Registry
  /** Notes a request that was answered. */
  observe(operation: string, method: string, status: number, seconds: number): void
  stop(): void
}

/** The metrics that every service has; a service adds its own to `registry`. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer, by operation',
    labelNames: ['operation', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  const stop = processMetrics(registry)
  // Label objects are kept: making and hashing one per request costs more than the observation.
  return { registry, observe: cachedObserver(duration), stop }
}

function cachedObserver(histogram: Histogram<'operation' | 'method' | 'status'>): Metrics['observe'] {
  const children = new Map<string, { observe(value: number): void }>()
  return (operation, method, status, seconds) => {
    const key = `${operation} ${method} ${status}`
    let child = children.get(key)
    if (!child) children.set(key, (child = histogram.labels(operation, method, String(status))))
    child.observe(seconds)
  }
}

/** Adds a gauge whose value is read when it is scraped. When it cannot be, the last one stands. */
export function gauge(
  { registry }: Pick<Metrics, 'registry'>,
  name: string,
  help: string,
  read: () => number | undefined | Promise<number | undefined>,
): void {
  const reading = new Gauge({
    name,
    help,
    registers: [],
    async collect() {
      const value = await read()
      if (value !== undefined) this.set(value)
    },
  })
  registry.registerMetric(reading)
}

const scrapeDeadlineMs = 1000

/** Asks once for all the gauges that are scraped together; undefined when there is no answer in time. */
export function oncePerScrape<T>(ask: () => Promise<T>): () => Promise<T | undefined> {
  let asking: Promise<T | undefined> | undefined
  return () =>
    (asking ??= within(scrapeDeadlineMs, ask())
      .catch(() => undefined)
      .finally(() => (asking = undefined)))
}

function processMetrics(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  let last = performance.eventLoopUtilization()
  const add = (name: string, help: string, read: () => number) => gauge({ registry }, name, help, read)
  add('process_resident_memory_bytes', 'Memory of the process', () => process.memoryUsage.rss())
  add('nodejs_heap_used_bytes', 'JavaScript heap in use', () => process.memoryUsage().heapUsed)
  add('nodejs_eventloop_lag_p99_seconds', 'Delay of the event loop since the last scrape', () => {
    const p99 = delay.percentile(99) / 1e9
    delay.reset()
    return Number.isFinite(p99) ? p99 : 0
  })
  add('nodejs_eventloop_utilization', 'Share of time the event loop was busy since the last scrape', () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  })
  const cpu = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process',
    registers: [],
    collect() {
      const usage = process.cpuUsage()
      this.reset()
      this.inc((usage.user + usage.system) / 1e6)
    },
  })
  registry.registerMetric(cpu)
  return () => delay.disable()
}
