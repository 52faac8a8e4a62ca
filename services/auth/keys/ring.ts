import { newId, type Pool, type ServiceRuntime, type Sql } from '@ait/kit'
import type { CryptoKey } from 'jose'
import { deleteKeys, insertKey, listKeys, lockKeys, moveKeys } from '../db/signing-keys.ts'
import type { SigningKeysRow } from '../db/types.ts'
import { planRotation, type KeyState, type RotationRules } from '../domain/key-rotation.ts'
import { CannotOpen, type Sealer } from '../domain/sealing.ts'
import { generateSigningKey, jwks, openSigningKey, type StoredKey } from '../domain/signing-keys.ts'

export interface KeyRing {
  /** The key that signs now. */
  current(): Promise<{ kid: string; privateKey: CryptoKey }>
  /** The JWK Set. */
  published(): Promise<ReturnType<typeof jwks>>
  /** Does what the rules say is due. Replicas take turns; a second run right after does nothing. */
  rotate(): Promise<void>
}

interface Options {
  sql: Pool
  sealer: Sealer
  rules: RotationRules
  now(): Date
  log: ServiceRuntime['log']
}

/** A replica notices within this that another one rotated; what it signs until then still verifies. */
const cacheMs = 30_000

export function createKeyRing({ sql, sealer, rules, now, log }: Options): KeyRing {
  let cached: { key: Promise<{ kid: string; privateKey: CryptoKey }>; until: number } | undefined

  const load = async () => {
    const row = (await listKeys(sql)).find((key) => key.state === 'current')
    if (!row) throw new Error('there is no signing key')
    return { kid: row.kid, privateKey: await openSigningKey(stored(row), sealer) }
  }
  return {
    current() {
      if (!cached || cached.until < Date.now()) {
        const key = load()
        key.catch(() => (cached = undefined))
        cached = { key, until: Date.now() + cacheMs }
      }
      return cached.key
    },
    async published() {
      return jwks((await listKeys(sql)).map(stored))
    },
    async rotate() {
      await sql.begin(async (tx) => {
        await lockKeys(tx)
        await dropLostKeys(tx, sealer, now(), log)
        await applyPlan(tx, sealer, rules, now())
      })
      cached = undefined
    },
  }
}

const stored = (row: SigningKeysRow): StoredKey => ({
  kid: row.kid,
  publicJwk: row.public_jwk,
  sealedPrivateJwk: row.sealed_private_jwk,
})

/** Keys sealed under a former JWT_SECRET_KEY cannot sign any more: one that did still verifies, one to come goes. */
async function dropLostKeys(sql: Sql, sealer: Sealer, now: Date, log: ServiceRuntime['log']): Promise<void> {
  for (const row of await listKeys(sql)) {
    if (row.state === 'retired') continue
    try {
      await openSigningKey(stored(row), sealer)
    } catch (error) {
      if (!(error instanceof CannotOpen)) throw error
      log.warn({ kid: row.kid }, 'JWT_SECRET_KEY was changed: the signing key is replaced')
      if (row.state === 'current') await moveKeys(sql, [row.kid], 'retired', now)
      else await deleteKeys(sql, [row.kid])
    }
  }
}

async function applyPlan(sql: Sql, sealer: Sealer, rules: RotationRules, now: Date): Promise<void> {
  const rows = await listKeys(sql)
  const lives = rows.map((row) => ({
    kid: row.kid,
    state: row.state as KeyState,
    since: new Date(row.since),
  }))
  const plan = planRotation(lives, now, rules)
  await moveKeys(sql, plan.retire, 'retired', now)
  await moveKeys(sql, plan.promote, 'current', now)
  for (const state of plan.create) await insertKey(sql, await generateSigningKey(newId(), sealer), state, now)
  await deleteKeys(sql, plan.remove)
}
