/**
 * The life of a signing key: *next* is published so that every service has fetched it before it is used;
 * *current* signs; *retired* still verifies what it signed, until the last such token has expired.
 */
export type KeyState = 'next' | 'current' | 'retired'

export interface KeyLife {
  kid: string
  state: KeyState
  /** When it came into this state. */
  since: Date
}

export interface RotationRules {
  /** How long one key signs. */
  signMs: number
  /** How long a key is published before it may sign: longer than services cache the JWK Set. */
  publishMs: number
  /** How long a retired key stays published: longer than an access token lives. */
  keepMs: number
}

export interface RotationPlan {
  /** Keys to create, in this state. */
  create: KeyState[]
  promote: string[]
  retire: string[]
  remove: string[]
}

/** What to do now. Applying the plan and asking again gives an empty one. */
export function planRotation(keys: readonly KeyLife[], now: Date, rules: RotationRules): RotationPlan {
  const plan: RotationPlan = { create: [], promote: [], retire: [], remove: [] }
  const age = (key: KeyLife) => now.getTime() - key.since.getTime()
  const current = keys.find((key) => key.state === 'current')
  const next = keys.find((key) => key.state === 'next')

  if (!current) {
    // The first start, or the current key was lost: there is nothing to wait for.
    if (next) plan.promote.push(next.kid)
    else plan.create.push('current')
    plan.create.push('next')
  } else if (!next) plan.create.push('next')
  else if (age(current) >= rules.signMs && age(next) >= rules.publishMs) {
    plan.retire.push(current.kid)
    plan.promote.push(next.kid)
    plan.create.push('next')
  }

  for (const key of keys) if (key.state === 'retired' && age(key) >= rules.keepMs) plan.remove.push(key.kid)
  return plan
}
