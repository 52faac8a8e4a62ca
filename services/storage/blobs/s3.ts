import { createHash, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  ListMultipartUploadsCommand,
  S3Client,
  S3ServiceException,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import type { CompletedPart } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'

import type { BlobStore, StoredBlob } from './store.ts'
import { assertSha256, BlobMissingError, BlobTooLargeError, StoreFullError } from './store.ts'

export type S3Options = {
  /** For example `https://s3.example.org`; without it the region's own AWS endpoint. */
  endpoint?: string | undefined
  accessKey: string
  secretKey: string
  bucket: string
  region: string
}

const MIB = 1024 * 1024
/** S3 allows 10,000 parts of at least 5 MiB; three at a time keep one upload's memory near 32 MiB. */
const PARTS_MAX = 10_000
const PART_BYTES = 8 * MIB
const PARTS_AT_ONCE = 3
/** The largest object that S3 copies in one request is 5 GiB; above it the copy goes part by part. */
const COPY_BYTES_MAX = 5 * 1024 * MIB
const COPY_PART_BYTES = 1024 * MIB
/** An upload that began this long ago is not coming back. */
const ABANDONED_MS = 24 * 60 * 60 * 1000

type Bucket = { client: S3Client; name: string }

/**
 * Blobs as objects `blobs/<sha256>` of one bucket.
 *
 * The checksum is known only at the end, so an upload streams to a temporary key while it is hashed, and the server
 * then copies it to its content key. The other way, a spool file on local disk first, would need as much disk as the
 * uploads under way (containers often have little, or a read-only one) and send every byte only after the last one
 * came in; here the price is one copy inside S3, which moves no bytes through us.
 */
export async function openS3Store(options: S3Options): Promise<BlobStore> {
  const bucket: Bucket = { client: connect(options), name: options.bucket }
  await createBucketIfMissing(bucket)
  const { client, name: Bucket } = bucket
  const has = (sha256: string): Promise<boolean> => isThere(bucket, keyOf(sha256))

  return {
    async put(source, { maxBytes }) {
      const temporary = `uploads/${randomUUID()}`
      try {
        const blob = await uploadHashed(bucket, temporary, source, maxBytes)
        if (!(await has(blob.sha256))) await copy(bucket, temporary, keyOf(blob.sha256), blob.size)
        return blob
      } catch (error) {
        throw isFull(error) ? new StoreFullError('the bucket is full', { cause: error }) : error
      } finally {
        // Best effort: what cannot be removed now is found by the sweep.
        await client.send(new DeleteObjectCommand({ Bucket, Key: temporary })).catch(() => {})
      }
    },
    async get(sha256, range) {
      const Range = range && `bytes=${range.start}-${range.end}`
      const found = await client
        .send(new GetObjectCommand({ Bucket, Key: keyOf(sha256), Range }))
        .catch((error) => {
          throw isMissing(error) ? new BlobMissingError(sha256) : error
        })
      return found.Body as Readable
    },
    has,
    async delete(sha256) {
      await client.send(new DeleteObjectCommand({ Bucket, Key: keyOf(sha256) }))
    },
    list: (olderThan) => listBlobs(bucket, olderThan),
    sweep: () => sweepUploads(bucket, new Date(Date.now() - ABANDONED_MS)),
    async close() {
      client.destroy()
    },
  }
}

function keyOf(sha256: string): string {
  assertSha256(sha256)
  return `blobs/${sha256}`
}

function connect({ endpoint, accessKey, secretKey, region }: S3Options): S3Client {
  const agent = { keepAlive: true, maxSockets: 256 }
  return new S3Client({
    ...(endpoint && { endpoint }),
    region,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    forcePathStyle: true,
    // The newer checksum trailers are refused by servers such as radosgw 16; the signature covers each part anyway.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 5_000, httpAgent: agent, httpsAgent: agent },
  })
}

async function createBucketIfMissing({ client, name: Bucket }: Bucket): Promise<void> {
  try {
    await client.send(new HeadBucketCommand({ Bucket }))
  } catch (error) {
    if (!isMissing(error)) throw error
    await client.send(new CreateBucketCommand({ Bucket })).catch((refusal: Error) => {
      // Two replicas may start at the same time.
      if (refusal.name !== 'BucketAlreadyOwnedByYou') throw refusal
    })
  }
}

async function isThere({ client, name: Bucket }: Bucket, Key: string): Promise<boolean> {
  return client.send(new HeadObjectCommand({ Bucket, Key })).then(
    () => true,
    (error) => {
      if (isMissing(error)) return false
      throw error
    },
  )
}

async function uploadHashed(
  bucket: Bucket,
  Key: string,
  source: AsyncIterable<Buffer>,
  maxBytes: number,
): Promise<StoredBlob> {
  const hash = createHash('sha256')
  let size = 0
  async function* hashed(): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      size += chunk.length
      if (size > maxBytes) throw new BlobTooLargeError(maxBytes)
      hash.update(chunk)
      yield chunk
    }
  }
  const body = Readable.from(hashed(), { objectMode: false })
  // When the body fails, Upload aborts the multipart upload, and its parts are gone.
  const upload = new Upload({
    client: bucket.client,
    params: { Bucket: bucket.name, Key, Body: body },
    partSize: Math.max(PART_BYTES, Math.ceil(maxBytes / PARTS_MAX)),
    queueSize: PARTS_AT_ONCE,
  })
  // Leaving early closes the source too.
  await upload.done().finally(() => body.destroy())
  return { sha256: hash.digest('hex'), size }
}

async function copy(
  { client, name: Bucket }: Bucket,
  from: string,
  Key: string,
  size: number,
): Promise<void> {
  const CopySource = `${Bucket}/${from}`
  if (size <= COPY_BYTES_MAX) {
    await client.send(new CopyObjectCommand({ Bucket, Key, CopySource }))
    return
  }
  await copyInParts({ client, name: Bucket }, CopySource, Key, size, COPY_PART_BYTES)
}

/** Exported for its test: no test moves more than 5 GiB. */
export async function copyInParts(
  { client, name: Bucket }: Bucket,
  CopySource: string,
  Key: string,
  size: number,
  partBytes: number,
): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  const upload = { Bucket, Key, UploadId }
  try {
    const Parts: CompletedPart[] = []
    for (let start = 0; start < size; start += partBytes) {
      const PartNumber = Parts.length + 1
      const CopySourceRange = `bytes=${start}-${Math.min(start + partBytes, size) - 1}`
      const part = await client.send(
        new UploadPartCopyCommand({ ...upload, PartNumber, CopySource, CopySourceRange }),
      )
      Parts.push({ PartNumber, ETag: part.CopyPartResult?.ETag })
    }
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }))
  } catch (error) {
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {})
    throw error
  }
}

async function* listBlobs({ client, name: Bucket }: Bucket, olderThan: Date): AsyncGenerator<string> {
  for await (const page of paginateListObjectsV2({ client }, { Bucket, Prefix: 'blobs/' })) {
    for (const { Key, LastModified } of page.Contents ?? []) {
      const sha256 = Key?.slice('blobs/'.length) ?? ''
      if (/^[0-9a-f]{64}$/.test(sha256) && LastModified && LastModified < olderThan) yield sha256
    }
  }
}

/** Ends the multipart uploads begun, and removes the temporary objects written, before `olderThan`. */
export async function sweepUploads({ client, name: Bucket }: Bucket, olderThan: Date): Promise<number> {
  let removed = 0
  // One page is enough for a sweep: the next one takes the next page.
  const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket }))
  for (const { Key, UploadId, Initiated } of Uploads ?? []) {
    if (!Initiated || Initiated >= olderThan) continue
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
    removed++
  }
  for await (const page of paginateListObjectsV2({ client }, { Bucket, Prefix: 'uploads/' })) {
    for (const { Key, LastModified } of page.Contents ?? []) {
      if (!LastModified || LastModified >= olderThan) continue
      await client.send(new DeleteObjectCommand({ Bucket, Key }))
      removed++
    }
  }
  return removed
}

function isMissing(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404
}

function isFull(error: unknown): boolean {
  const name = (error as Error).name
  return name === 'QuotaExceeded' || name === 'XMinioStorageFull' || name === 'InsufficientCapacity'
}
