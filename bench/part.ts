import type { Report } from './report.ts'

/** What all parts of one run share. */
export interface Bench {
  /** A folder of its own, gone afterwards. */
  folder: string
  /** Server of a PostgreSQL with the settings of every installation: nothing is switched off for speed. */
  postgres: string
}

export interface Part {
  /** Word by which `npm run bench -- <word>` chooses it. */
  name: string
  /** Debian packages that are not installed; the part is left out then. */
  missing?(): string | undefined
  run(bench: Bench): Promise<Report>
}
