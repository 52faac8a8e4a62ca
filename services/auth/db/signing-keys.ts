import type { Sql } from '@ait/kit'
import type { KeyState } from '../domain/key-rotation.ts'
import type { StoredKey } from '../domain/signing-keys.ts'
import type { SigningKeysRow } from './types.ts'

export const lockKeys = (sql: Sql) => sql`select pg_advisory_xact_lock(hashtext('auth.signing_keys'))`

export const listKeys = (sql: Sql) => sql<SigningKeysRow[]>`select * from signing_keys order by since, kid`

export const insertKey = (sql: Sql, key: StoredKey, state: KeyState, now: Date) => sql`
  insert into signing_keys (kid, state, since, public_jwk, sealed_private_jwk)
  values (${key.kid}, ${state}, ${now}, ${sql.json(key.publicJwk as never)}, ${key.sealedPrivateJwk})`

export const moveKeys = (sql: Sql, kids: string[], state: KeyState, now: Date) =>
  sql`update signing_keys set state = ${state}, since = ${now} where kid = any(${kids})`

export const deleteKeys = (sql: Sql, kids: string[]) => sql`delete from signing_keys where kid = any(${kids})`
