import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, opendir, readdir, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'

import { isLeftover, temporaryName } from './leftovers.ts'
import type { ByteRange } from '../domain/ranges.ts'
import type { BlobStore, StoredBlob } from './store.ts'
import {
  assertSha256,
  BlobDamagedError,
  BlobMissingError,
  BlobTooLargeError,
  StoreFullError,
} from './store.ts'

/** What is read from disk at once: with more, memory grows and nothing is gained. */
const READ_BYTES = 256 * 1024
/** What is gathered before it is written: a trip to the thread pool for each network read costs a third more time. */
const WRITE_BYTES = 1024 * 1024

/**
 * Blobs as files below `root`: `sha256/ab/cd/<sha256>`, written under `tmp/` first.
 *
 * The order makes a crash harmless at any point: write → fsync the file → rename (atomic, same file system) → fsync
 * the directory. Until the rename only a temporary file exists, which the next start removes; after it the whole
 * content does.
 */
export async function openFilesystemStore(root: string): Promise<BlobStore> {
  const blobs = join(root, 'sha256')
  const tmp = join(root, 'tmp')
  await Promise.all([mkdir(blobs, { recursive: true }), mkdir(tmp, { recursive: true })])
  const pathOf = (sha256: string): string => {
    assertSha256(sha256)
    return join(blobs, sha256.slice(0, 2), sha256.slice(2, 4), sha256)
  }

  const store: BlobStore = {
    async put(source, { maxBytes }) {
      const path = join(tmp, temporaryName(randomUUID()))
      try {
        const blob = await writeDurably(path, source, maxBytes)
        await moveIntoPlace(path, pathOf(blob.sha256))
        return blob
      } catch (error) {
        await rm(path, { force: true })
        throw isFull(error) ? new StoreFullError('the disk is full', { cause: error }) : error
      }
    },
    async get(sha256, range) {
      return openForReading(pathOf(sha256), sha256, range)
    },
    async has(sha256) {
      return exists(pathOf(sha256))
    },
    async delete(sha256) {
      await rm(pathOf(sha256), { force: true })
    },
    list: (olderThan) => listBlobs(blobs, olderThan),
    sweep: () => sweepTemporary(tmp),
    async close() {},
  }
  await store.sweep()
  return store
}

/** Hashes what comes in while the thread pool writes what came before; one batch is on its way at a time. */
async function writeDurably(
  path: string,
  source: AsyncIterable<Buffer>,
  maxBytes: number,
): Promise<StoredBlob> {
  const file = await open(path, 'wx', 0o600)
  const hash = createHash('sha256')
  let size = 0
  let batch: Buffer[] = []
  let batchBytes = 0
  let writing: Promise<unknown> = Promise.resolve()
  const writeBatch = async (): Promise<void> => {
    await writing
    writing = writeAll(file, batch, batchBytes)
    // A failure is thrown by the next await; until then it must not count as unhandled.
    writing.catch(() => {})
    batch = []
    batchBytes = 0
  }
  try {
    for await (const chunk of source) {
      size += chunk.length
      if (size > maxBytes) throw new BlobTooLargeError(maxBytes)
      hash.update(chunk)
      batch.push(chunk)
      batchBytes += chunk.length
      if (batchBytes >= WRITE_BYTES) await writeBatch()
    }
    if (batchBytes > 0) await writeBatch()
    await writing
    await file.sync()
  } finally {
    await writing.catch(() => {})
    await file.close()
  }
  return { sha256: hash.digest('hex'), size }
}

async function writeAll(file: FileHandle, batch: Buffer[], bytes: number): Promise<void> {
  const { bytesWritten } = await file.writev(batch)
  if (bytesWritten === bytes) return
  // A short write is what a nearly full disk answers first; writing the rest brings out its real error.
  const rest = Buffer.concat(batch).subarray(bytesWritten)
  for (let at = 0; at < rest.length;) at += (await file.write(rest, at)).bytesWritten
}

async function moveIntoPlace(temporary: string, path: string): Promise<void> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true })
  // Also over the same content: its new time keeps the cleanup away, what was damaged is whole again, and whoever
  // removes it at this very moment cannot make this fail.
  await rename(temporary, path)
  // The two folders above as well: whether this upload made them or one that runs right now, they must survive too.
  await syncDirectory(folder)
  await syncDirectory(dirname(folder))
  await syncDirectory(dirname(dirname(folder)))
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function openForReading(path: string, sha256: string, range?: ByteRange): Promise<Readable> {
  // Opened before the stream is handed out, so that a missing blob is an error here and not after the headers went.
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new BlobMissingError(sha256) : error
  })
  if (range && (await file.stat()).size <= range.end) {
    await file.close()
    throw new BlobDamagedError(sha256)
  }
  return createReadStream(path, { fd: file, highWaterMark: READ_BYTES, ...range })
}

async function* listBlobs(blobs: string, olderThan: Date): AsyncGenerator<string> {
  for await (const entry of await opendir(blobs, { recursive: true })) {
    if (!entry.isFile() || !/^[0-9a-f]{64}$/.test(entry.name)) continue
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => null)
    if (found && found.mtime < olderThan) yield entry.name
  }
}

async function sweepTemporary(tmp: string): Promise<number> {
  let removed = 0
  for (const name of await readdir(tmp)) {
    const path = join(tmp, name)
    const found = await stat(path).catch(() => null)
    if (!found || !isLeftover(name, found.mtime)) continue
    await rm(path, { force: true })
    removed++
  }
  return removed
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false
      throw error
    },
  )
}

function isFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOSPC' || code === 'EDQUOT'
}
