import assert from 'node:assert/strict'
import { mock, test, type TestContext } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT, type JSONWebKeySet } from 'jose'
import { createVerifier, type Authority, type Verifier } from '../src/access/verify.ts'
import type { Principal } from '../src/access/principal.ts'
import { serviceTokensOf } from '../src/config.ts'

/** An auth service whose keys and mood the test decides. */
async function world(t: TestContext) {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.after(() => mock.timers.reset())
  const state = { away: false, asked: 0, keys: [] as JSONWebKeySet['keys'], opaque: null as Principal | null }
  const answer = async <T>(value: () => T): Promise<T> => {
    state.asked += 1
    if (state.away) throw new Error('connect ECONNREFUSED')
    return value()
  }
  const authority: Authority = {
    jwks: () => answer(() => ({ keys: [...state.keys] })),
    introspect: () => answer(() => state.opaque),
    revocations: () => new Promise(() => {}),
  }
  const verifier = createVerifier({
    authority,
    issuer: 'iss',
    audience: 'aud',
    serviceTokens: serviceTokensOf({ SERVICE_AUTH_TOKEN: 'one' } as never),
    revocations: { ready: Promise.resolve(), has: () => false, onRevoked: () => {}, stop: () => {} },
  })
  const addKey = async (kid: string) => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    state.keys.push({ ...(await exportJWK(publicKey)), kid, alg: 'ES256' })
    return (claims: object = {}) => {
      const now = Math.floor(Date.now() / 1000)
      return new SignJWT({
        sub: 'u',
        sid: 's',
        role: 'user',
        iss: 'iss',
        aud: 'aud',
        iat: now,
        exp: now + 3600,
        jti: String(Math.random()),
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt' })
        .sign(privateKey)
    }
  }
  return { state, verifier, addKey, tick: (ms: number) => mock.timers.tick(ms) }
}

const status = async (verifier: Verifier, token: string): Promise<number> => {
  try {
    await verifier.verify(token)
    return 200
  } catch (error) {
    return (error as { status?: number }).status ?? 0
  }
}

test('a token is verified once, and remembered until it expires', async (t) => {
  const { verifier, addKey, state, tick } = await world(t)
  const sign = await addKey('a')
  const token = await sign()
  assert.equal(await status(verifier, token), 200)
  assert.ok(!(verifier.verify(token) instanceof Promise))
  assert.equal(state.asked, 1)
  tick(3600_000 + 6000)
  assert.equal(await status(verifier, token), 401)
})

test('a key that is new is asked for, at most once in five seconds', async (t) => {
  const { verifier, addKey, state, tick } = await world(t)
  const first = await addKey('a')
  assert.equal(await status(verifier, await first()), 200)
  const second = await addKey('b')
  tick(6000)
  assert.equal(await status(verifier, await second()), 200)
  assert.equal(state.asked, 2)
  const { privateKey } = await generateKeyPair('ES256')
  const flood = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      new SignJWT({ sub: 'u' })
        .setProtectedHeader({ alg: 'ES256', kid: `unknown-${i}`, typ: 'at+jwt' })
        .sign(privateKey),
    ),
  )
  for (const token of flood) assert.equal(await status(verifier, token), 401)
  assert.equal(state.asked, 2)
  tick(6000)
  await Promise.all(flood.map((token) => status(verifier, token)))
  assert.equal(state.asked, 3)
})

test('without the auth service known tokens go on, and unknown ones get 503', async (t) => {
  const { verifier, addKey, state, tick } = await world(t)
  state.away = true
  const sign = await addKey('a')
  const early = await sign()
  assert.equal(await status(verifier, early), 503)
  state.away = false
  assert.equal(await status(verifier, early), 200)
  state.away = true
  assert.equal(await status(verifier, early), 200)
  // Another token of a known key needs nobody.
  assert.equal(await status(verifier, await sign()), 200)
  tick(6000)
  // Neither does an attacker with an unknown key id take the keys from us.
  state.keys = []
  const other = await addKey('b')
  assert.equal(await status(verifier, await other()), 503)
  assert.equal(await status(verifier, await other()), 503)
  assert.equal(await status(verifier, await sign()), 200)
  assert.equal(await status(verifier, 'ait_something'), 503)
})

test('a key that was withdrawn stops counting after some minutes', async (t) => {
  const { verifier, addKey, state, tick } = await world(t)
  const leaked = await addKey('leaked')
  assert.equal(await status(verifier, await leaked()), 200)
  state.keys = []
  const good = await addKey('good')
  tick(5 * 60_000 + 1)
  assert.equal(await status(verifier, await good()), 200)
  assert.equal(await status(verifier, await leaked()), 401)
})

test('nonsense from the auth service is its fault, not the caller’s', async (t) => {
  const { verifier, addKey, state } = await world(t)
  const sign = await addKey('a')
  const token = await sign()
  state.keys = 'nonsense' as never
  assert.equal(await status(verifier, token), 503)
})

test('an opaque token is asked for again after half a minute', async (t) => {
  const { verifier, state, tick } = await world(t)
  state.opaque = { kind: 'service', id: 'x' }
  assert.equal(await status(verifier, 'ait_x'), 200)
  state.opaque = null
  assert.equal(await status(verifier, 'ait_x'), 200)
  tick(31_000)
  assert.equal(await status(verifier, 'ait_x'), 401)
})

test('the memory of tokens is bounded', async (t) => {
  const { verifier, state } = await world(t)
  state.opaque = { kind: 'service', id: 'x' }
  await verifier.verify('ait_first')
  for (let i = 0; i < 10_000; i++) await verifier.verify(`ait_${i}`)
  const before = state.asked
  await verifier.verify('ait_first')
  assert.equal(state.asked, before + 1)
})
