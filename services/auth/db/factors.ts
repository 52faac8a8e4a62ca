import type { PageRequest, Sql } from '@ait/kit'
import type { Passkey } from '../webauthn/ceremonies.ts'
import type { PasskeysRow, TotpFactorsRow } from './types.ts'

export const findTotp = async (sql: Sql, userId: string): Promise<TotpFactorsRow | undefined> =>
  (await sql<TotpFactorsRow[]>`select * from totp_factors where user_id = ${userId}`)[0]

/** A secret to be confirmed. False while a confirmed one is in use. */
export const offerTotp = async (sql: Sql, userId: string, sealedSecret: string): Promise<boolean> => {
  const [row] = await sql`
    insert into totp_factors (user_id, sealed_secret) values (${userId}, ${sealedSecret})
    on conflict (user_id) do update set sealed_secret = excluded.sealed_secret
      where totp_factors.confirmed_at is null
    returning user_id`
  return row !== undefined
}

/** False when this step or a later one was used already: of two who send a code at once, one gets in. */
export const useTotpStep = async (sql: Sql, userId: string, step: number): Promise<boolean> => {
  const [row] = await sql`
    update totp_factors set last_step = ${step} where user_id = ${userId} and last_step < ${step} returning user_id`
  return row !== undefined
}

export const confirmTotp = (sql: Sql, userId: string, now: Date) =>
  sql`update totp_factors set confirmed_at = ${now} where user_id = ${userId}`

export const deleteTotp = async (sql: Sql, userId: string): Promise<boolean> =>
  (await sql`delete from totp_factors where user_id = ${userId} returning user_id`).length > 0

export async function replaceRecoveryCodes(sql: Sql, userId: string, hashes: Buffer[]): Promise<void> {
  await deleteRecoveryCodes(sql, userId)
  const texts = hashes.map((hash) => hash.toString('hex'))
  await sql`insert into recovery_codes (user_id, hash) select ${userId}, decode(h, 'hex') from unnest(${texts}::text[]) h`
}

export const deleteRecoveryCodes = (sql: Sql, userId: string) =>
  sql`delete from recovery_codes where user_id = ${userId}`

/** False when it is unknown or used. */
export const useRecoveryCode = async (
  sql: Sql,
  userId: string,
  hash: Buffer,
  now: Date,
): Promise<boolean> => {
  const [row] = await sql`
    update recovery_codes set used_at = ${now}
    where user_id = ${userId} and hash = ${hash} and used_at is null returning user_id`
  return row !== undefined
}

export const countRecoveryCodes = async (sql: Sql, userId: string): Promise<number> => {
  const [row] = await sql<{ left: number }[]>`
    select count(*)::int as left from recovery_codes where user_id = ${userId} and used_at is null`
  return row?.left ?? 0
}

export const findPasskey = async (sql: Sql, id: string): Promise<PasskeysRow | undefined> =>
  (await sql<PasskeysRow[]>`select * from passkeys where id = ${id}`)[0]

/** Locked, so that a counter is not compared and moved on by two at once. */
export const lockPasskeyByCredential = async (
  sql: Sql,
  credentialId: string,
): Promise<PasskeysRow | undefined> =>
  (await sql<PasskeysRow[]>`select * from passkeys where credential_id = ${credentialId} for update`)[0]

export const passkeysOf = (sql: Sql, userId: string) =>
  sql<PasskeysRow[]>`select * from passkeys where user_id = ${userId} order by id`

export const listPasskeys = (sql: Sql, userId: string, page: PageRequest) => sql<PasskeysRow[]>`
  select * from passkeys where user_id = ${userId} ${page.after ? sql`and id > ${page.after[0]!}` : sql``}
  order by id limit ${page.limit + 1}`

/** Undefined when the authenticator is registered already, to whomever. */
export const insertPasskey = async (
  sql: Sql,
  passkey: Pick<
    PasskeysRow,
    'id' | 'user_id' | 'credential_id' | 'transports' | 'backed_up' | 'name' | 'counter'
  > & {
    public_key: Uint8Array
  },
): Promise<PasskeysRow | undefined> =>
  (
    await sql<PasskeysRow[]>`
      insert into passkeys (id, user_id, credential_id, public_key, counter, transports, backed_up, name)
      values (${passkey.id}, ${passkey.user_id}, ${passkey.credential_id}, ${Buffer.from(passkey.public_key)},
        ${passkey.counter}, ${passkey.transports}, ${passkey.backed_up}, ${passkey.name})
      on conflict (credential_id) do nothing returning *`
  )[0]

export const renamePasskeyRow = async (sql: Sql, id: string, name: string): Promise<PasskeysRow> =>
  (
    await sql<PasskeysRow[]>`update passkeys set name = ${name} where id = ${id} returning *`
  )[0] as PasskeysRow

export const usePasskey = (sql: Sql, id: string, counter: number, now: Date) =>
  sql`update passkeys set counter = ${counter}, last_used_at = ${now} where id = ${id}`

export const deletePasskeyRow = (sql: Sql, id: string) => sql`delete from passkeys where id = ${id}`

export const deletePasskeysOf = async (sql: Sql, userId: string): Promise<number> =>
  (await sql`delete from passkeys where user_id = ${userId} returning id`).length

export const toPasskey = (row: PasskeysRow): Passkey => ({
  credentialId: row.credential_id,
  publicKey: row.public_key,
  counter: row.counter,
  transports: row.transports,
})
