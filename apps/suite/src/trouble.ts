/** Something the person who runs the suite can put right: shown as one line, without a stack. */
export class Trouble extends Error {}

/** The `code` of a system error (`ENOENT`, `EACCES`, …). */
export const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code
