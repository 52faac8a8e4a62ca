import type { Sql } from '@ait/kit'
import { generateOpaqueToken, hashToken } from '../domain/opaque-token.ts'
import type { ChallengesRow } from './types.ts'

/** What a challenge of each kind remembers. */
export interface ChallengeData {
  /** A password or provider was accepted; the second factor is missing. */
  mfa: { methods: string[] }
  /** Somebody is at a provider. */
  oauth: {
    provider: string
    state: string
    nonce: string
    codeVerifier: string
    browserHash: string
    returnTo: string | null
    link: boolean
  }
  /** Somebody came back from a provider and has yet to fetch their tokens. */
  login_code: { methods: string[]; browserHash: string }
  passkey_registration: { challenge: string }
  passkey_login: { challenge: string }
}

export type ChallengeKind = keyof ChallengeData
export type Challenge<K extends ChallengeKind> = Omit<ChallengesRow, 'data'> & { data: ChallengeData[K] }

/** Stores a challenge and gives the token to present with its answer. `token`: one that is known already. */
export async function insertChallenge<K extends ChallengeKind>(
  sql: Sql,
  challenge: { kind: K; userId?: string | null; data: ChallengeData[K]; expiresAt: Date; token?: string },
): Promise<string> {
  const token = challenge.token ?? generateOpaqueToken()
  await sql`
    insert into challenges (hash, kind, user_id, data, expires_at)
    values (${hashToken(token)}, ${challenge.kind}, ${challenge.userId ?? null}, ${sql.json(challenge.data)},
      ${challenge.expiresAt})`
  return token
}

export const findChallenge = async <K extends ChallengeKind>(
  sql: Sql,
  kind: K,
  token: string,
  now: Date,
): Promise<Challenge<K> | undefined> =>
  (
    await sql<Challenge<K>[]>`
      select * from challenges where hash = ${hashToken(token)} and kind = ${kind} and expires_at > ${now}`
  )[0]

/** The same, used up: of two who answer at once one gets it. */
export const takeChallenge = async <K extends ChallengeKind>(
  sql: Sql,
  kind: K,
  token: string,
  now: Date,
): Promise<Challenge<K> | undefined> =>
  (
    await sql<Challenge<K>[]>`
      delete from challenges where hash = ${hashToken(token)} and kind = ${kind} and expires_at > ${now} returning *`
  )[0]

export const forgetChallenges = (sql: Sql, before: Date) =>
  sql`delete from challenges where expires_at < ${before}`
