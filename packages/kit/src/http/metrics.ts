import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export interface Metrics {
  registry: Registry
  observe(operation: string, method: string, status: number, seconds: number): void
  deadLetters: Gauge
  outboxPending: Gauge
  outboxLag: Gauge
  queueDepth: Gauge<'queue'>
  stop(): void
}

/** The metrics that every service has; a service adds its own to `registry`. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  const registers = [registry]
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })

  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer, by operation',
    labelNames: ['operation', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  const stopProcess = processMetrics(registry)
  return {
    registry,
    // Label objects are kept: making and hashing one per request costs more than the observation.
    observe: cachedObserver(duration),
    deadLetters: gauge('event_dead_letters', 'Events that a subscriber refused for good'),
    outboxPending: gauge('event_outbox_pending', 'Deliveries that wait'),
    outboxLag: gauge('event_outbox_lag_seconds', 'Age of the oldest delivery that waits'),
    queueDepth: new Gauge({
      name: 'job_queue_depth',
      help: 'Jobs that wait',
      labelNames: ['queue'],
      registers,
    }),
    stop: stopProcess,
  }
}

function cachedObserver(histogram: Histogram<'operation' | 'method' | 'status'>): Metrics['observe'] {
  const children = new Map<string, Map<number, { observe(value: number): void }>>()
  return (operation, method, status, seconds) => {
    let byStatus = children.get(operation)
    if (!byStatus) children.set(operation, (byStatus = new Map()))
    let child = byStatus.get(status)
    if (!child) byStatus.set(status, (child = histogram.labels(operation, method, String(status))))
    child.observe(seconds)
  }
}

function processMetrics(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  let last = performance.eventLoopUtilization()
  const make = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  make('process_resident_memory_bytes', 'Memory of the process', () => process.memoryUsage.rss())
  make('nodejs_heap_used_bytes', 'JavaScript heap in use', () => process.memoryUsage().heapUsed)
  make('nodejs_eventloop_lag_p99_seconds', 'Delay of the event loop since the last scrape', () => {
    const p99 = delay.percentile(99) / 1e9
    delay.reset()
    return Number.isFinite(p99) ? p99 : 0
  })
  make('nodejs_eventloop_utilization', 'Share of time the event loop was busy since the last scrape', () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  })
  const cpu = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process',
    registers: [registry],
    collect() {
      const usage = process.cpuUsage()
      this.reset()
      this.inc((usage.user + usage.system) / 1e6)
    },
  })
  void cpu
  return () => delay.disable()
}
