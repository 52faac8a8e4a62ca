import { principalId, type Principal } from './access/principal.ts'
import type { Sql } from './db/database.ts'
import { newId } from './id.ts'

/** Whence a change came. */
export interface Origin {
  principal: Principal
  address: string | null
  agent: string | null
  requestId: string | null
}

export interface Subject {
  type: string
  id: string
}

/** Writes who did what to what. It is part of the change's transaction, and is never changed again. */
export async function writeAudit(
  sql: Sql,
  origin: Origin,
  action: string,
  subject?: Subject,
  detail: object = {},
): Promise<void> {
  await sql`
    insert into kit.audit (id, actor_kind, actor_id, action, resource_type, resource_id, address, agent, request_id, detail)
    values (${newId()}, ${origin.principal.kind}, ${principalId(origin.principal)}, ${action},
      ${subject?.type ?? null}, ${subject?.id ?? null}, ${origin.address}, ${origin.agent}, ${origin.requestId},
      ${sql.json(detail as never)})`
}
