import type { Logger } from 'pino'
import type { Revocations, Transport } from '@ait/kit'

/** Turns the secret of a session cookie into the access token of its person. */
export interface Sessions {
  /** The token of a session that was asked for before. */
  known(secret: string): string | undefined
  /**
   * The token of a session, for somebody at an address. Undefined when the session has ended.
   * @throws Problem 503 when auth does not answer
   */
  ask(secret: string, address: string): Promise<string | undefined>
  /** Forgets what is known of a session. */
  forget(secret: string): void
}

interface Known {
  token: string
  sid: string
  until: number
}

const maxKnown = 20_000
/** A token is renewed this long before it expires, so that none expires on its way to a service. */
const earlyMs = 30_000

/** Asks auth once per session and token lifetime; requests that arrive together share the question. */
export function createSessions(transport: Transport, revocations: Revocations, log: Logger): Sessions {
  const known = new Map<string, Known>()
  const asking = new Map<string, Promise<string | undefined>>()

  revocations.onRevoked((id) => {
    for (const [secret, session] of known) if (session.sid === id) known.delete(secret)
  })
  const exchange = async (secret: string, address: string): Promise<string | undefined> => {
    const path = '/internal/browser-sessions/exchange'
    const headers = { 'x-forwarded-for': address }
    const answer = await transport({ service: 'auth', method: 'POST', path, body: { secret }, headers })
    if (answer.status === 401) return undefined
    if (answer.status !== 200) throw new Error(`auth answered ${answer.status} to the exchange of a session`)
    const { access_token, expires_in, session_id } = answer.body
    if (known.size >= maxKnown) known.delete(known.keys().next().value as string)
    known.set(secret, {
      token: access_token,
      sid: session_id,
      until: Date.now() + Math.max(1000, expires_in * 1000 - earlyMs),
    })
    return access_token
  }
  return {
    known(secret) {
      const session = known.get(secret)
      if (session && session.until > Date.now() && !revocations.has(session.sid)) return session.token
      known.delete(secret)
      return undefined
    },
    ask(secret, address) {
      const pending = asking.get(secret)
      if (pending) return pending
      const question = exchange(secret, address).finally(() => asking.delete(secret))
      question.catch((error: unknown) => log.warn({ err: error }, 'a session cannot be exchanged'))
      asking.set(secret, question)
      return question
    },
    forget: (secret) => void known.delete(secret),
  }
}
