import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, before, test } from 'node:test'

import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'

import { startTestService } from '@ait/testing'

import { missingPrograms, startRadosgw, type S3Server } from '../../../tests/s3/radosgw.ts'
import { copyInParts, openS3Store, sweepUploads } from '../blobs/s3.ts'
import manifest from '../service.ts'
import { checkBlobStore } from './support/blob-store.ts'
import { upload } from './support/multipart.ts'
import { unzip } from './support/unzip.ts'

const MIB = 1024 * 1024
const missing = missingPrograms()
const skip = missing.length > 0 && `no S3 server to test with: ${missing.join(', ')} not installed`

let server: S3Server
before(async () => {
  if (!skip) server = await startRadosgw()
})
after(() => server?.stop())

test('the S3 store does what a blob store does, against radosgw', { skip }, async (t) => {
  const { endpoint, accessKey, secretKey, region } = server
  const store = await openS3Store({ endpoint, accessKey, secretKey, region, bucket: 'files' })
  t.after(() => store.close())
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey }
  const client = new S3Client({
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  t.after(() => client.destroy())
  const bucket = { client, name: 'files' }
  const leftovers = async (): Promise<number> => {
    const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket: 'files' }))
    const objects = await client.send(new ListObjectsV2Command({ Bucket: 'files', Prefix: 'uploads/' }))
    return (uploads.Uploads?.length ?? 0) + (objects.KeyCount ?? 0)
  }

  await checkBlobStore(t, store, leftovers)

  await t.test('opens a bucket that is there already', async () => {
    const again = await openS3Store({ endpoint, accessKey, secretKey, region, bucket: 'files' })
    assert.equal((await again.put(Readable.from([Buffer.from('abc')]), { maxBytes: 3 })).size, 3)
    await again.close()
  })

  await t.test('refuses to open with a wrong key', async () => {
    await assert.rejects(openS3Store({ endpoint, accessKey, secretKey: 'wrong', region, bucket: 'files' }))
  })

  await t.test('copies in parts what is too large for one copy', async () => {
    const content = Buffer.concat([
      Buffer.alloc(5 * MIB, 'a'),
      Buffer.alloc(5 * MIB, 'b'),
      Buffer.from('end'),
    ])
    await client.send(new PutObjectCommand({ Bucket: 'files', Key: 'uploads/large', Body: content }))
    const sha256 = 'f'.repeat(64)
    await copyInParts(bucket, 'files/uploads/large', `blobs/${sha256}`, content.length, 5 * MIB)
    assert.ok((await buffer(await store.get(sha256))).equals(content))
  })

  await t.test('sweeps away what crashed uploads left, and nothing younger', async () => {
    await client.send(new CreateMultipartUploadCommand({ Bucket: 'files', Key: 'uploads/crashed' }))
    assert.equal(await leftovers(), 2)
    assert.equal(await store.sweep(), 0)
    assert.equal(await sweepUploads(bucket, new Date(Date.now() + 60_000)), 2)
    assert.equal(await leftovers(), 0)
  })
})

test('the service works the same with its files in S3', { skip }, async (t) => {
  const { endpoint, accessKey, secretKey, region } = server
  const env = {
    S3_ENDPOINT: endpoint,
    S3_ACCESS_KEY: accessKey,
    S3_SECRET_KEY: secretKey,
    S3_REGION: region,
    S3_BUCKET: 'suite',
  }
  const service = await startTestService(manifest, { env })
  t.after(() => service.stop())
  const ann = service.as('ann')
  const content = randomBytes(20 * MIB)
  const file = (await upload(ann, 'large.bin', content, { folder: 'documents' })).body
  const params = { id: file.id }
  assert.ok((await ann.call('downloadFile', { params }, 200)).raw.equals(content))
  const part = await ann.call('downloadFile', { params, headers: { range: 'bytes=1000000-1000099' } }, 206)
  assert.ok(part.raw.equals(content.subarray(1_000_000, 1_000_100)))
  await upload(ann, 'small.txt', 'small', { folder: 'documents' })
  const zip = unzip((await ann.call('zipFolder', { params: { id: file.folder_id } }, 200)).raw)
  assert.deepEqual(zip.map(({ name, content: bytes }) => [name, bytes.length]).toSorted(), [
    ['large.bin', content.length],
    ['small.txt', 5],
  ])

  // A refused upload leaves nothing in the bucket either.
  const listed = async () =>
    (await Array.fromAsync(service.service.deps.store.list(new Date(Date.now() + 60_000)))).length
  const before = await listed()
  await upload(ann, 'refused.bin', randomBytes(6 * MIB), { folder: '../x' }, 422)
  assert.equal(await listed(), before)
  const health = await service.service.app.inject('/health')
  assert.equal(health.json().checks.blobs.status, 'ok')
})
