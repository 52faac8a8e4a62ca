import type { IncomingMessage } from 'node:http'
import { PassThrough, type Readable } from 'node:stream'

import { Problem, problems, type Sql } from '@ait/kit'

import { BlobTooLargeError, StoreFullError, type BlobStore, type StoredBlob } from '../blobs/store.ts'
import { SNIFF_BYTES, sniffType } from '../domain/sniff.ts'
import { deleteBlobIfOrphan, findBlob, lockBlob } from '../db/contents.ts'
import type { StorageContext } from '../kit.ts'

export type Received = StoredBlob & { contentType: string }
export type UploadLimit = { maxBytes: number; by: 'file' | 'quota' }

/** What surrounds the file in a multipart body is small. */
const SURROUNDINGS_BYTES = 64 * 1024

/** Streams a content into the store and tells its type by its first bytes. @throws Problem 413, 507 */
export async function receive(
  store: BlobStore,
  content: AsyncIterable<Buffer>,
  name: string,
  limit: UploadLimit,
): Promise<Received> {
  const head: Buffer[] = []
  let kept = 0
  async function* watched(): AsyncGenerator<Buffer> {
    for await (const chunk of content) {
      if (kept < SNIFF_BYTES) {
        head.push(Buffer.from(chunk.subarray(0, SNIFF_BYTES - kept)))
        kept += chunk.length
      }
      yield chunk
    }
  }
  try {
    const blob = await store.put(watched(), { maxBytes: limit.maxBytes })
    return { ...blob, contentType: await sniffType(Buffer.concat(head), name) }
  } catch (error) {
    if (error instanceof BlobTooLargeError) throw tooLarge(limit)
    if (error instanceof StoreFullError)
      throw new Problem(507, 'storage_full', 'There is no room left on the server')
    throw error
  }
}

export const tooLarge = ({ maxBytes, by }: UploadLimit): Problem =>
  by === 'quota' ? quotaExceeded(maxBytes) : withLoc(problems.tooLarge(maxBytes, 'A file'), 'too_large')

export const quotaExceeded = (freeBytes: number): Problem =>
  withLoc(
    new Problem(413, 'quota_exceeded', `Your quota has room for ${freeBytes} more bytes`),
    'quota_exceeded',
  )

/** The same problem with the part that it is about. */
const withLoc = (problem: Problem, type: string): Problem =>
  new Problem(problem.status, problem.code, problem.message, {
    errors: [{ loc: ['body', 'file'], msg: problem.message, type }],
  })

/**
 * Runs an upload from a request's body under the rules that all of them share: a sender who says beforehand that it is
 * too large is refused at once, one who falls silent gets 408, and after a refusal the rest of the body is not read for
 * long. `work` reads the body that it is given, and may end it: the request stays open for the answer.
 */
export async function fromBody<T>(
  request: IncomingMessage,
  options: { limit: UploadLimit; stallMs: number },
  work: (body: Readable) => Promise<T>,
): Promise<T> {
  if (Number(request.headers['content-length'] ?? 0) > options.limit.maxBytes + SURROUNDINGS_BYTES)
    throw tooLarge(options.limit)
  const body = new PassThrough({ highWaterMark: 256 * 1024 })
  // It may break before anybody reads it; whoever does learns of it then.
  body.on('error', () => {})
  const breakOff = (problem: Problem): void => {
    if (!request.readableEnded) body.destroy(problem)
  }
  const cutOff = (status: number, code: string, detail: string): void =>
    breakOff(new Problem(status, code, detail))
  request.setTimeout?.(options.stallMs, () => cutOff(408, 'stalled', 'The upload stopped coming in'))
  // What comes before the first part of a form and after its last one is in no part, and has no end of its own.
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > options.limit.maxBytes + SURROUNDINGS_BYTES) breakOff(tooLarge(options.limit))
  })
  const endEarly = (): void => cutOff(400, 'incomplete', 'The upload ended too early')
  request.once('error', endEarly).once('close', endEarly)
  // The sender may have hung up while we were looking up who it is.
  if (request.destroyed) endEarly()
  try {
    return await work(request.pipe(body))
  } catch (error) {
    request.unpipe(body)
    body.destroy()
    drainBriefly(request)
    throw error
  }
}

const DRAIN_MS = 5_000

/** Reads on so that the sender gets to see the answer, but not for ever. */
function drainBriefly(request: IncomingMessage): void {
  if (request.readableEnded || request.destroyed) return
  const timer = setTimeout(() => request.destroy(), DRAIN_MS)
  request.once('close', () => clearTimeout(timer))
  request.resume()
}

/**
 * Runs an upload from the first byte to the commit. `arrived` tells that a content is in the store; when anything fails
 * after that, the content goes again, unless another file has it too.
 */
export async function undoingArrival<T>(
  ctx: Pick<StorageContext, 'write' | 'deps' | 'log'>,
  work: (arrived: <C extends StoredBlob>(content: C) => C) => Promise<T>,
): Promise<T> {
  let sha256: string | undefined
  try {
    return await work((content) => {
      sha256 = content.sha256
      return content
    })
  } catch (error) {
    const lost = sha256
    if (lost) {
      await ctx
        .write(({ sql }) => discard(sql, ctx.deps.store, lost))
        // The cleanup finds it later.
        .catch((reason: unknown) =>
          ctx.log.warn({ err: reason, sha256: lost }, 'a content could not be removed'),
        )
    }
    throw error
  }
}

/** Removes a content that nothing refers to, from the database and from the store. */
export async function discard(sql: Sql, store: BlobStore, sha256: string): Promise<boolean> {
  await lockBlob(sql, sha256)
  const known = await findBlob(sql, sha256)
  if (known && (await deleteBlobIfOrphan(sql, sha256)).length === 0) return false
  await store.delete(sha256)
  return true
}

/** A content that is as its sender said it would be. @throws Problem 422 */
export function requireChecksum(blob: StoredBlob, wanted: { length: number; sha256: string | null }): void {
  if (blob.size !== wanted.length)
    throw problems.invalid(['body'], `has ${blob.size} bytes, not ${wanted.length}`)
  if (wanted.sha256 !== null && blob.sha256 !== wanted.sha256)
    throw problems.invalid(['body'], 'is not the content whose checksum was signed')
}
