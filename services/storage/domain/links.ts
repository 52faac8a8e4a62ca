/** What decides whether a link still opens. */
export type LinkState = {
  expires_at: string | null
  downloads_max: number | null
  downloads: number
  failures: number
  locked_until: string | null
}

export const FAILURES_MAX = 10
/** Wrong passwords lock a link for a while, never for good: else anybody could close it. */
const LOCK_MS = 60_000

export type LinkVerdict = 'open' | 'expired' | 'used_up' | 'locked'

export function linkVerdict(link: LinkState, now: Date): LinkVerdict {
  if (link.expires_at !== null && new Date(link.expires_at) <= now) return 'expired'
  if (link.downloads_max !== null && link.downloads >= link.downloads_max) return 'used_up'
  return lockedFor(link, now) > 0 ? 'locked' : 'open'
}

/** Milliseconds until a locked link takes passwords again. */
export const lockedFor = (link: LinkState, now: Date): number =>
  link.locked_until === null ? 0 : Math.max(0, new Date(link.locked_until).getTime() - now.getTime())

/** What a wrong password makes of a link: every tenth one in a row locks it. */
export function afterFailure(link: LinkState, now: Date): Pick<LinkState, 'failures' | 'locked_until'> {
  const failures = link.failures + 1
  const locked = failures % FAILURES_MAX === 0
  return {
    failures,
    locked_until: locked ? new Date(now.getTime() + LOCK_MS).toISOString() : link.locked_until,
  }
}
