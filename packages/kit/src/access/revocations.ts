import type { Logger } from 'pino'
import type { Authority } from './verify.ts'

/** Ids of sessions and tokens that ended before their access tokens expire. */
export interface Revocations {
  /** Resolves when the list was read for the first time: until then nobody can tell what has ended. */
  ready: Promise<void>
  has(id: string): boolean
  /** Calls back with each id as it becomes known. */
  onRevoked(callback: (id: string) => void): void
  stop(): void
}

/** An access token lives 15 minutes at most; after that nobody can present it any more. */
const keepMs = 20 * 60_000

/**
 * Follows the auth service's list of ended sessions by long polling, so that a session ended there
 * stops working here within a second, in every shape and every replica, without Redis.
 */
export function followRevocations(authority: Authority, log: Logger): Revocations {
  const ended = new Map<string, number>()
  const listeners: ((id: string) => void)[] = []
  const stopping = new AbortController()
  const ready = Promise.withResolvers<void>()

  const learn = (id: string): void => {
    ended.set(id, Date.now() + keepMs)
    for (const listener of listeners) listener(id)
  }
  const forget = (): void => {
    const now = Date.now()
    for (const [id, until] of ended) if (until < now) ended.delete(id)
  }
  const follow = async (): Promise<void> => {
    let cursor: number | undefined
    let failures = 0
    while (!stopping.signal.aborted) {
      try {
        const page = await authority.revocations(cursor, stopping.signal)
        if (failures >= 5) log.info('the list of ended sessions is followed again')
        failures = 0
        page.items.forEach(learn)
        cursor = page.cursor
        ready.resolve()
        forget()
      } catch (error) {
        if (stopping.signal.aborted) return
        failures += 1
        if (failures === 5) log.warn({ err: error }, 'the list of ended sessions cannot be read')
        // Nobody is let in before the first time, so that does not wait long.
        await pause(Math.min(100 * 2 ** failures, cursor === undefined ? 200 : 1000), stopping.signal)
      }
    }
  }
  void follow()

  return {
    ready: ready.promise,
    has: (id) => ended.size > 0 && ended.has(id),
    onRevoked: (callback) => void listeners.push(callback),
    stop: () => stopping.abort(),
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
