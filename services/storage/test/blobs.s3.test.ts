import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'

import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'

import { missingPrograms, startRadosgw } from '../../../tests/s3/radosgw.ts'
import { copyInParts, openS3Store, sweepUploads } from '../blobs/s3.ts'
import { checkBlobStore } from './support/blob-store.ts'

const MIB = 1024 * 1024
const missing = missingPrograms()
const skip = missing.length > 0 && `no S3 server to test with: ${missing.join(', ')} not installed`

test('the S3 store does what a blob store does, against radosgw', { skip }, async (t) => {
  const server = await startRadosgw()
  t.after(() => server.stop())
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
