/** A service's answer to `/health`, in one word; `ready` when it is 200. */
export type Health = 'ready' | 'unhealthy' | 'no answer'

const answerWithinMs = 3000

export interface HealthReport {
  state: Health
  /** Names of the checks that fail. */
  failing: string[]
}

/** Asks a service how it is. */
export async function askHealth(url: string): Promise<HealthReport> {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(answerWithinMs) })
    if (answer.status === 200) {
      await answer.body?.cancel()
      return { state: 'ready', failing: [] }
    }
    const { checks = {} } = (await answer.json()) as { checks?: Record<string, { status: string }> }
    const failing = Object.entries(checks).filter(([, { status }]) => status !== 'ok')
    return { state: 'unhealthy', failing: failing.map(([name]) => name) }
  } catch {
    return { state: 'no answer', failing: [] }
  }
}

/** Where a service that listens on `host` can be reached from this machine. */
export function addressOf(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
