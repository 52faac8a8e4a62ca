import type { PageRequest, Sql } from '@ait/kit'

import type { ScanState } from '../domain/scan.ts'
import type { EntryRow } from './queries.ts'
import type { BlobsRow, VersionsRow } from './types.ts'

export type VersionRow = VersionsRow & { scan: ScanState }

/**
 * Keeps the cleanup away from a content until the transaction ends, and the other way round: whoever refers to it and
 * whoever removes it take turns.
 */
export const lockBlob = (sql: Sql, sha256: string) => sql`
  select pg_advisory_xact_lock(hashtextextended(${sha256}, 8002))`

/** Makes a content known; of one that is known already the state stays. */
export const insertBlob = (sql: Sql, blob: { sha256: string; size: number; scan: ScanState }) => sql`
  insert into blobs (sha256, size, scan) values (${blob.sha256}, ${blob.size}, ${blob.scan}) on conflict do nothing returning sha256`

export const findBlob = async (sql: Sql, sha256: string): Promise<BlobsRow | undefined> =>
  (await sql<BlobsRow[]>`select * from blobs where sha256 = ${sha256}`)[0]

export async function insertVersion(
  sql: Sql,
  version: Pick<
    VersionsRow,
    'file_id' | 'number' | 'owner_id' | 'sha256' | 'size' | 'content_type' | 'created_by'
  >,
): Promise<void> {
  const { file_id, number, owner_id, sha256, size, content_type, created_by } = version
  await sql`
    insert into versions (file_id, number, owner_id, sha256, size, content_type, created_by)
    values (${file_id}, ${number}, ${owner_id}, ${sha256}, ${size}, ${content_type}, ${created_by})`
}

/** Makes a version the current one of its file. */
export const setCurrent = (
  sql: Sql,
  version: Pick<VersionsRow, 'file_id' | 'number' | 'sha256' | 'size' | 'content_type'>,
) => sql`
  update entries set revision = ${version.number}, sha256 = ${version.sha256}, size = ${version.size},
    content_type = ${version.content_type}, version = version + 1, updated_at = now()
  where id = ${version.file_id}`

export const findVersion = async (sql: Sql, file: string, number: number): Promise<VersionRow | undefined> =>
  (
    await sql<VersionRow[]>`
      select v.*, b.scan from versions v join blobs b on b.sha256 = v.sha256
      where v.file_id = ${file} and v.number = ${number}`
  )[0]

export const listVersions = (sql: Sql, file: string, page: PageRequest) => sql<VersionRow[]>`
  select v.*, b.scan from versions v join blobs b on b.sha256 = v.sha256
  where v.file_id = ${file} ${page.after ? sql`and v.number < ${page.after[0] as number}` : sql``}
  order by v.number desc limit ${page.limit + 1}`

export const deleteVersion = (sql: Sql, file: string, number: number) => sql`
  delete from versions where file_id = ${file} and number = ${number}`

/** Lets a file's oldest versions go, up to and with `last`. */
export const forgetVersions = (sql: Sql, file: string, last: number) => sql`
  delete from versions where file_id = ${file} and number <= ${last}`

export const setScan = (sql: Sql, sha256: string, scan: ScanState, signature: string | null, at: Date) => sql`
  update blobs set scan = ${scan}, signature = ${signature}, scanned_at = ${at} where sha256 = ${sha256}`

/** Contents that a scanner has yet to see, oldest first. */
export const blobsToScan = (sql: Sql, bytesMax: number, limit: number) => sql<{ sha256: string }[]>`
  select sha256 from blobs where scan in ('pending', 'unscanned') and size <= ${bytesMax}
  order by created_at limit ${limit}`

export const filesOfBlob = (sql: Sql, sha256: string) => sql<Pick<EntryRow, 'id' | 'owner_id' | 'version'>[]>`
  select id, owner_id, version from entries where sha256 = ${sha256}`

/** Known contents, last stored before a time, that nothing refers to. */
export const orphanBlobs = (sql: Sql, before: Date, limit: number) => sql<{ sha256: string }[]>`
  select b.sha256 from blobs b where b.created_at < ${before} and ${unreferenced(sql)} limit ${limit}`

/** Forgets a content if nothing refers to it. Take `lockBlob` first. */
export const deleteBlobIfOrphan = (sql: Sql, sha256: string) => sql<{ sha256: string }[]>`
  delete from blobs b where b.sha256 = ${sha256} and ${unreferenced(sql)} returning b.sha256`

const unreferenced = (sql: Sql) => sql`
  not exists (select 1 from versions v where v.sha256 = b.sha256)
  and not exists (select 1 from thumbnails t where t.sha256 = b.sha256)`

export const findThumbnail = async (
  sql: Sql,
  source: string,
  size: number,
): Promise<{ sha256: string | null } | undefined> =>
  (
    await sql<
      { sha256: string | null }[]
    >`select sha256 from thumbnails where source = ${source} and size = ${size}`
  )[0]

/** `sha256` null remembers that there cannot be one. */
export const insertThumbnail = (sql: Sql, source: string, size: number, sha256: string | null) => sql`
  insert into thumbnails (source, size, sha256) values (${source}, ${size}, ${sha256}) on conflict do nothing`
