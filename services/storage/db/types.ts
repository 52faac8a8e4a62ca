// Generated from the migrated database by `npm run generate`. Do not edit.

export interface BlobsRow {
  sha256: string
  size: number
  scan: string
  signature: string | null
  scanned_at: string | null
  created_at: string
}

export interface EntriesRow {
  id: string
  owner_id: string
  kind: string
  parent_id: string | null
  path: string[]
  name: string
  version: number
  revision: number | null
  sha256: string | null
  size: number | null
  content_type: string | null
  created_by: string
  created_at: string
  updated_at: string
  trashed_at: string | null
  trashed_from: string | null
}

export interface LinksRow {
  id: string
  entry_id: string
  token_hash: string
  password_hash: string | null
  expires_at: string | null
  downloads_max: number | null
  downloads: number
  failures: number
  locked_until: string | null
  created_by: string
  created_at: string
}

export interface QuotasRow {
  user_id: string
  quota_bytes: number | null
  used_bytes: number
  entry_count: number
  created_at: string
}

export interface ThumbnailsRow {
  source: string
  size: number
  sha256: string | null
}

export interface VersionsRow {
  file_id: string
  number: number
  owner_id: string
  sha256: string
  size: number
  content_type: string
  created_by: string
  created_at: string
}
