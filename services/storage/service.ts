import { defineService, shareRoutes } from '@ait/kit'

import { config } from './config.ts'
import { contract } from './contract.ts'
import { openDeps } from './deps.ts'
import { closeHome, openHome } from './events.ts'
import { cleanOrphans, purgeTrash, scan, scanBacklog } from './jobs.ts'
import { policy } from './policy.ts'
import * as archives from './routes/archives.ts'
import { copyEntry } from './routes/copies.ts'
import * as entries from './routes/entries.ts'
import {
  deleteFile,
  downloadFile,
  getFileMetadata,
  listFiles,
  replaceContent,
  uploadFile,
} from './routes/files.ts'
import * as links from './routes/links.ts'
import * as presigned from './routes/presigned.ts'
import * as quotas from './routes/quotas.ts'
import { getThumbnail } from './routes/thumbnails.ts'
import { emptyTrash, listTrash, purgeEntry, restoreEntry } from './routes/trash.ts'
import * as versions from './routes/versions.ts'
import { seed } from './seed.ts'

export default defineService({
  name: 'storage',
  title: 'Storage',
  description: 'Files in folders: streamed, versioned, shared, searched, scanned and kept on disk or in S3.',
  version: '0.1.0',
  port: 8002,
  database: 'storage_db',
  folder: import.meta.dirname,
  contract,
  policy,
  config,
  routes: [
    uploadFile,
    downloadFile,
    listFiles,
    deleteFile,
    getFileMetadata,
    replaceContent,
    getThumbnail,
    copyEntry,
    archives.zipFolder,
    listTrash,
    restoreEntry,
    purgeEntry,
    emptyTrash,
    ...Object.values(entries),
    ...Object.values(versions),
    ...Object.values(quotas),
    ...Object.values(links),
    ...Object.values(presigned),
    ...shareRoutes('entry'),
  ],
  subscriptions: [openHome, closeHome],
  jobs: [purgeTrash, cleanOrphans, scan, scanBacklog],
  setup: openDeps,
  seed,
})
