import type { Principal, Sql } from '@ait/kit'

import { visibleAncestors, type EntryRow } from '../db/queries.ts'

/** An entry as the API shows it. */
export function present(entry: EntryRow & { abilities?: string[] }) {
  const { id, kind, name, owner_id, version, revision, size, content_type, sha256, scan } = entry
  const { created_by, created_at, updated_at, abilities } = entry
  return {
    id,
    kind,
    name,
    folder_id: entry.parent_id,
    owner_id,
    version,
    revision,
    size,
    content_type,
    sha256,
    scan,
    created_by,
    created_at,
    updated_at,
    ...(abilities && { abilities }),
  }
}

/** The same with the folders above it that the caller may see. */
export async function presentWithPath(
  sql: Sql,
  principal: Principal,
  entry: EntryRow & { abilities?: string[] },
) {
  return { ...present(entry), path: await visibleAncestors(sql, principal, entry) }
}
