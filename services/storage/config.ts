import { T } from '@ait/kit'

const MIB = 1024 * 1024

/** Variables of this service. The `S3_*` names are those that S3 software commonly reads. */
export const config = T.Object({
  STORAGE_MAX_FILE_BYTES: T.Integer({
    default: 5 * 1024 * MIB,
    minimum: 1,
    description: 'Largest file that may be uploaded',
  }),
  STORAGE_QUOTA_BYTES: T.Integer({
    default: 50 * 1024 * MIB,
    minimum: 0,
    description:
      'What each person may keep, with all versions and the trash, unless an administrator says otherwise',
  }),
  STORAGE_MAX_ENTRIES: T.Integer({
    default: 1_000_000,
    minimum: 1,
    description: 'Files and folders that each person may have',
  }),
  STORAGE_VERSIONS_KEPT: T.Integer({
    default: 20,
    minimum: 1,
    description: 'Versions of a file that are kept; older ones go when a new one comes',
  }),
  STORAGE_TRASH_DAYS: T.Integer({
    default: 30,
    minimum: 0,
    description: 'Days until what is in the trash is removed for good',
  }),
  STORAGE_TREE_MAX_ENTRIES: T.Integer({
    default: 20_000,
    minimum: 1,
    description: 'Files and folders that one copy or one zip archive may hold',
  }),
  STORAGE_STALL_TIMEOUT_MS: T.Integer({
    default: 60_000,
    minimum: 100,
    description: 'An upload that sends nothing for so long is ended',
  }),
  STORAGE_ORPHAN_HOURS: T.Integer({
    default: 24,
    minimum: 0,
    description: 'Hours until a content that no file refers to is removed',
  }),
  S3_ENDPOINT: T.String({
    default: '',
    description:
      'S3 server that keeps the files, for example https://s3.example.org; empty: AWS, if S3_ACCESS_KEY is set',
  }),
  S3_ACCESS_KEY: T.String({
    default: '',
    description: 'Access key of the S3 server; empty: files are kept in the data folder',
  }),
  S3_SECRET_KEY: T.String({ default: '', description: 'Secret key of the S3 server' }),
  S3_BUCKET: T.String({ default: 'ait-storage', description: 'Bucket; created when it is missing' }),
  S3_REGION: T.String({ default: 'us-east-1', description: 'Region of the bucket' }),
  CLAMAV_HOST: T.String({ default: '', description: 'Host of a clamd; empty: files are not scanned' }),
  CLAMAV_PORT: T.Integer({ default: 3310, description: 'Port of clamd' }),
  CLAMAV_MAX_BYTES: T.Integer({
    default: 100 * MIB,
    description: 'Larger files are not scanned; not above the StreamMaxLength of clamd',
  }),
})
