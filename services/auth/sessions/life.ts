import type { AuthUnit } from '../kit.ts'

const day = 86_400_000

export interface Cutoffs {
  /** A session last used before this has expired. */
  lastSeen: Date
  /** So has one that began before this, however much it is used. */
  started: Date
}

export function cutoffs(unit: Pick<AuthUnit, 'now' | 'config'>): Cutoffs {
  const now = unit.now().getTime()
  return {
    lastSeen: new Date(now - unit.config.AUTH_SESSION_IDLE_DAYS * day),
    started: new Date(now - unit.config.AUTH_SESSION_MAX_DAYS * day),
  }
}

export function isExpired(
  session: { last_seen_at: string; started_at: string },
  { lastSeen, started }: Cutoffs,
): boolean {
  return (
    Date.parse(session.last_seen_at) <= lastSeen.getTime() ||
    Date.parse(session.started_at) <= started.getTime()
  )
}
