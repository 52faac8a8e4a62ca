import { join } from 'node:path'

import { ConfigError, type KitConfig, type ServiceRuntime, type Static } from '@ait/kit'

import { createClamd, type Scanner } from './antivirus/clamd.ts'
import { openFilesystemStore } from './blobs/filesystem.ts'
import { openS3Store } from './blobs/s3.ts'
import type { BlobStore } from './blobs/store.ts'
import type { config } from './config.ts'
import { createSigner, type Signer } from './domain/presign.ts'
import { createThumbnailer, type Thumbnailer } from './thumbnails/thumbnail.ts'

export type Config = Static<typeof config> & KitConfig

/** What the handlers work with besides the database. */
export type Deps = {
  store: BlobStore
  /** Null when no scanner is configured. */
  scanner: Scanner | null
  thumbnailer: Thumbnailer
  signer: Signer
}

export async function openDeps({ config, platform, check, onStop }: ServiceRuntime<Config>): Promise<Deps> {
  const store = await openStore(config, join(platform.dataDir, 'blobs'))
  onStop(() => store.close())
  check('blobs', async () => void (await store.has('0'.repeat(64))))
  const { CLAMAV_HOST: host, CLAMAV_PORT: port } = config
  return {
    store,
    scanner: host ? createClamd({ host, port }) : null,
    thumbnailer: createThumbnailer(),
    signer: createSigner(config.JWT_SECRET_KEY),
  }
}

function openStore(config: Config, folder: string): Promise<BlobStore> {
  const { S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY, S3_BUCKET, S3_REGION } = config
  if (!S3_ACCESS_KEY && !S3_ENDPOINT) return openFilesystemStore(folder)
  if (!S3_ACCESS_KEY || !S3_SECRET_KEY)
    throw new ConfigError('S3_ACCESS_KEY and S3_SECRET_KEY must be set together with S3_ENDPOINT')
  return openS3Store({
    endpoint: S3_ENDPOINT || undefined,
    accessKey: S3_ACCESS_KEY,
    secretKey: S3_SECRET_KEY,
    bucket: S3_BUCKET,
    region: S3_REGION,
  })
}
