const DAY_MS = 24 * 60 * 60 * 1000

/** What was put in the trash before this is removed for good. */
export const trashCutoff = (now: Date, days: number): Date => new Date(now.getTime() - days * DAY_MS)

/** When an entry of the trash is removed for good. */
export const purgeTime = (trashedAt: string, days: number): string =>
  new Date(new Date(trashedAt).getTime() + days * DAY_MS).toISOString()

/** Numbers of the versions to let go when `newest` has come in and `kept` are kept: these and all older ones. */
export const lastForgotten = (newest: number, kept: number): number => newest - kept
