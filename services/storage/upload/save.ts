import { newId, principalId, Problem, problems, type Principal, type Sql } from '@ait/kit'

import { freeName, splitExtension } from '../domain/names.ts'
import { freeBytes } from '../domain/quota.ts'
import { lastForgotten } from '../domain/retention.ts'
import { forgetVersions, insertBlob, insertVersion, lockBlob, setCurrent } from '../db/contents.ts'
import { findByName, findEntry, namesLike, type FileRow } from '../db/queries.ts'
import { insertEntry } from '../db/tree.ts'
import type { StorageUnit } from '../kit.ts'
import { quotaExceeded, type Received } from './receive.ts'
import { makeFolders, placeFrom, takeRoom, takeTree, type Place } from './place.ts'

export type OnConflict = 'version' | 'rename' | 'fail'

/** Where an upload goes: along a path in the sender's own tree, or into a folder by its id. */
export type Target = { owner: string; names: readonly string[] } | { place: Place }

/**
 * Makes a received content a file, or a new version of the one that has the name, in the caller's transaction. The
 * content is in the store already; only this makes it visible, all at once.
 * @throws Problem 409 for a taken name, 413 over quota
 */
export async function saveUpload(
  unit: StorageUnit,
  upload: { target: Target; name: string; content: Received; onConflict: OnConflict; by: Principal },
): Promise<FileRow> {
  const { sql } = unit
  const { target, content } = upload
  const by = principalId(upload.by) as string
  const owner = 'place' in target ? target.place.owner : target.owner
  const tree = await takeTree(unit, owner)
  // Looked up again: while the tree was being waited for, the folder may have gone elsewhere or into the trash.
  const place =
    'place' in target
      ? await placeFrom(sql, target.place.id, upload.by)
      : await makeFolders(sql, tree, target.names, by)
  const taken = await findByName(sql, owner, place.id, upload.name)
  if (taken && (taken.kind === 'folder' || upload.onConflict === 'fail')) throw nameTaken(upload.name)
  if (taken && upload.onConflict === 'version') return addVersion(unit, taken as FileRow, content, by)
  const name = taken ? await freeNameIn(sql, owner, place.id, upload.name) : upload.name
  if (content.size > freeBytes(tree)) throw quotaExceeded(freeBytes(tree))
  takeRoom(tree, 1)
  await keepContent(unit, content)
  const id = newId()
  const entry = {
    id,
    owner_id: owner,
    kind: 'file' as const,
    parent_id: place.id,
    path: [...place.path, id],
    name,
  }
  const file = {
    sha256: content.sha256,
    size: content.size,
    content_type: content.contentType,
    created_by: by,
  }
  await insertEntry(sql, { ...entry, ...file })
  await insertVersion(sql, { file_id: id, number: 1, owner_id: owner, ...file })
  return announce(unit, id)
}

/** Adds a version to a file whose tree is taken already; the same content as now changes nothing. */
export async function addVersion(
  unit: StorageUnit,
  file: FileRow,
  content: Received,
  by: string,
): Promise<FileRow> {
  if (file.sha256 === content.sha256) return file
  const { sql, config } = unit
  const tree = await takeTree(unit, file.owner_id)
  if (content.size > freeBytes(tree)) throw quotaExceeded(freeBytes(tree))
  await keepContent(unit, content)
  const { sha256, size, contentType: content_type } = content
  const version = { file_id: file.id, number: file.revision + 1, sha256, size, content_type }
  await insertVersion(sql, { ...version, owner_id: file.owner_id, created_by: by })
  await setCurrent(sql, version)
  await forgetVersions(sql, file.id, lastForgotten(version.number, config.STORAGE_VERSIONS_KEPT))
  return announce(unit, file.id)
}

/** Makes a content known, and has it scanned if it was not before. */
async function keepContent(unit: StorageUnit, content: Received): Promise<void> {
  const { sql, config, deps } = unit
  await lockBlob(sql, content.sha256)
  // The cleanup may have taken the same content away between its arrival and this lock: then it must come again.
  if (!(await deps.store.has(content.sha256)))
    throw problems.unavailable('The upload was lost: send it again', 'upload_lost')
  const scanned = deps.scanner !== null && content.size <= config.CLAMAV_MAX_BYTES
  const [fresh] = await insertBlob(sql, { ...content, scan: scanned ? 'pending' : 'unscanned' })
  if (fresh && scanned) await unit.enqueue('scan', { sha256: content.sha256 })
}

async function announce(unit: StorageUnit, id: string): Promise<FileRow> {
  const file = (await findEntry(unit.sql, id)) as FileRow
  const { owner_id, parent_id: folder_id, name, revision, size, content_type, sha256, version } = file
  const data = { id, owner_id, folder_id, name, revision, size, content_type, sha256, version }
  await unit.emit('storage.file.uploaded.v1', id, data)
  await unit.audit('file.uploaded', { type: 'entry', id }, { name, revision, sha256 })
  return file
}

/** A name that is free in a folder: the wanted one, or one with a number. The tree must be taken. */
export async function freeNameIn(
  sql: Sql,
  owner: string,
  parent: string | null,
  wanted: string,
): Promise<string> {
  const stem = splitExtension(wanted)[0]
  // The numbered forms of a very long name are shortened, but never to less than this.
  const taken = await namesLike(sql, owner, parent, [...stem].slice(0, 40).join(''))
  return freeName(wanted, (name) => taken.has(name))
}

export const nameTaken = (name: string): Problem =>
  new Problem(409, 'name_taken', `There is something named ${name} already`, {
    errors: [{ loc: ['body', 'name'], msg: 'is taken', type: 'name_taken' }],
  })
