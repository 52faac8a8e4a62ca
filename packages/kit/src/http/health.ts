import { within } from './deadline.ts'

export interface Check {
  status: 'ok' | 'down'
  latency_ms: number
  detail?: string
}

export type HealthCheck = () => Promise<void>

export interface Health {
  /** Readiness: the state of each dependency, at most a second old. */
  read(): Promise<{ status: 'ok' | 'down'; service: string; version: string; checks: Record<string, Check> }>
  /** Not ready from now on: the service is stopping. */
  drain(): void
  draining(): boolean
}

const freshMs = 1000
const deadlineMs = 2000

/** Runs a service's checks, at most once a second however often it is asked. */
export function createHealth(service: string, version: string, checks: Record<string, HealthCheck>): Health {
  let draining = false
  let cached: { at: number; result: ReturnType<Health['read']> } | undefined

  const run = async () => {
    const entries = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await measure(check)] as const),
    )
    const down = draining || entries.some(([, check]) => check.status === 'down')
    return { status: down ? 'down' : 'ok', service, version, checks: Object.fromEntries(entries) } as const
  }
  return {
    read() {
      if (!cached || Date.now() - cached.at > freshMs) cached = { at: Date.now(), result: run() }
      return cached.result
    },
    drain() {
      draining = true
      cached = undefined
    },
    draining: () => draining,
  }
}

async function measure(check: HealthCheck): Promise<Check> {
  const start = performance.now()
  const elapsed = (): number => Math.round((performance.now() - start) * 10) / 10
  try {
    await within(deadlineMs, check())
    return { status: 'ok', latency_ms: elapsed() }
  } catch (error) {
    return { status: 'down', latency_ms: elapsed(), detail: (error as { code?: string }).code ?? 'failed' }
  }
}
