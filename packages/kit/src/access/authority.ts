import type { Transport } from '../transport.ts'
import type { Authority } from './verify.ts'

const pollMs = 25_000

/**
 * The suite's auth service as the source of trust. It answers
 * `GET /.well-known/jwks.json`, `POST /internal/introspect {token}` → `{principal}` and
 * `GET /internal/revocations?after=N` → `{items, cursor}`, which waits up to 25 s for news;
 * without `after` it answers at once.
 */
export function authAuthority(transport: Transport): Authority {
  const ask = async (method: string, path: string, extra: object = {}) => {
    const answer = await transport({ service: 'auth', method, path, ...extra })
    if (answer.status !== 200) throw new Error(`auth answered ${answer.status} to ${path}`)
    return answer.body
  }
  return {
    jwks: () => ask('GET', '/.well-known/jwks.json'),
    introspect: async (token) => (await ask('POST', '/internal/introspect', { body: { token } })).principal,
    revocations: (cursor, signal) =>
      ask('GET', `/internal/revocations${cursor === undefined ? '' : `?after=${cursor}`}`, {
        signal,
        timeoutMs: pollMs + 5000,
      }),
  }
}
