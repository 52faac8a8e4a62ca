/** A refresh token as stored: the family is its session. */
export interface RefreshTokenState {
  /** When it was exchanged for its successor, if it was. */
  usedAt: Date | undefined
  /** Whether that successor has been exchanged in its turn. */
  successorUsed: boolean
  issuedAt: Date
  /** The device it was issued to (its `User-Agent`). */
  userAgent: string
}

export interface FamilyState {
  startedAt: Date
  endedAt: Date | undefined
}

export interface RefreshRules {
  /** An unused token dies after this. */
  idleMs: number
  /** The family dies after this, however often it is refreshed. */
  absoluteMs: number
  /** How long a device that missed the answer may repeat the question. */
  graceMs: number
}

export type RefreshDecision =
  /** Exchange it for its successor. */
  | 'rotate'
  /** A repeat: give the same successor once more. */
  | 'repeat'
  /** A rotated token came back: someone else holds a copy. End the family. */
  | 'reuse'
  | 'expired'
  | 'ended'

/** What becomes of a presented refresh token (RFC 9700 §4.14.2: rotation with replay detection). */
export function decideRefresh(
  token: RefreshTokenState,
  family: FamilyState,
  request: { now: Date; userAgent: string },
  rules: RefreshRules,
): RefreshDecision {
  const now = request.now.getTime()
  if (family.endedAt) return 'ended'
  if (now >= family.startedAt.getTime() + rules.absoluteMs) return 'expired'
  if (token.usedAt) {
    const sameDevice = token.userAgent === request.userAgent
    const inGrace = now - token.usedAt.getTime() <= rules.graceMs
    return sameDevice && inGrace && !token.successorUsed ? 'repeat' : 'reuse'
  }
  return now >= token.issuedAt.getTime() + rules.idleMs ? 'expired' : 'rotate'
}
