/** What an account may hold and holds, in bytes. */
export type Account = { quota_bytes: number; used_bytes: number }

/** Bytes that still fit; never negative, also when the quota was lowered below what is used. */
export const freeBytes = ({ quota_bytes, used_bytes }: Account): number =>
  Math.max(0, quota_bytes - used_bytes)

/** The largest upload to accept, and which of the two limits it is that ends it there. */
export function uploadLimit(
  account: Account,
  fileBytesMax: number,
): { maxBytes: number; by: 'file' | 'quota' } {
  const free = freeBytes(account)
  return free < fileBytesMax ? { maxBytes: free, by: 'quota' } : { maxBytes: fileBytesMax, by: 'file' }
}
