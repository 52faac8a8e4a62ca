import { problems } from './problems.ts'

/** The ETag of a resource's version. */
export const etagOf = (version: number): string => `"v${version}"`

/**
 * Version named by `If-Match`; undefined without the header or for `*`.
 * @throws Problem 412 for an ETag that is not ours: it cannot match.
 */
export function ifMatchVersion(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined
  const found = /^"v(\d+)"$/.exec(header.trim())
  if (!found) throw problems.stale()
  return Number(found[1])
}

/** @throws Problem 412 when the caller saw another version than the current one. */
export function requireVersion(current: number, expected: number | undefined): void {
  if (expected !== undefined && expected !== current) throw problems.stale()
}
