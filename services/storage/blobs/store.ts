import type { Readable } from 'node:stream'

import type { ByteRange } from '../domain/ranges.ts'

/** What a stored content is known by: the hex SHA-256 of its bytes, and how many bytes (0 or more). */
export type StoredBlob = { sha256: string; size: number }

/**
 * Keeps contents under their own checksum. Two uploads of the same bytes share one blob, and a blob never changes
 * once it is there: whoever holds its checksum may read it at any time, or find it missing, but never half-written.
 */
export type BlobStore = {
  /**
   * Streams `source` in with constant memory. When this resolves the bytes survive a crash of the machine; when it
   * rejects nothing is left behind. Errors: BlobTooLargeError, StoreFullError, and whatever `source` fails with.
   */
  put(source: AsyncIterable<Buffer>, limits: { maxBytes: number }): Promise<StoredBlob>
  /**
   * Opens a blob, or a part of it. Errors: BlobMissingError; BlobDamagedError when the part is not all there, which only
   * who asks for one learns of before the first byte: see `wholeOf`.
   */
  get(sha256: string, range?: ByteRange): Promise<Readable>
  has(sha256: string): Promise<boolean>
  /** Removes a blob; one that is not there is no error. */
  delete(sha256: string): Promise<void>
  /** Every blob last stored before `olderThan`: what the cleanup compares with the database. */
  list(olderThan: Date): AsyncIterable<string>
  /** Removes what interrupted uploads left behind and nobody writes to any more; answers how many. */
  sweep(): Promise<number>
  close(): Promise<void>
}

export class BlobTooLargeError extends Error {
  override name = 'BlobTooLargeError'
  readonly maxBytes: number
  constructor(maxBytes: number) {
    super(`content is larger than ${maxBytes} bytes`)
    this.maxBytes = maxBytes
  }
}

export class BlobMissingError extends Error {
  override name = 'BlobMissingError'
  constructor(sha256: string) {
    super(`no blob ${sha256}`)
  }
}

/** Something has cut the blob short behind our back. */
export class BlobDamagedError extends Error {
  override name = 'BlobDamagedError'
  constructor(sha256: string) {
    super(`blob ${sha256} is shorter than it was`)
  }
}

/** All of a content of `size` bytes, as a range: asked for so, it comes whole or not at all. */
export const wholeOf = (size: number): ByteRange | undefined =>
  size === 0 ? undefined : { start: 0, end: size - 1 }

/** The disk or the bucket has no room left. */
export class StoreFullError extends Error {
  override name = 'StoreFullError'
}

/** Guards every place that builds a path or key from a checksum. */
export function assertSha256(sha256: string): void {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TypeError('not a SHA-256 in lower-case hex')
}
