import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { handPrincipal, type Authority, type Principal } from '@ait/kit'
import {
  createTestAuthority,
  personas,
  startTestService,
  testServiceToken,
  until,
  type TestService,
} from '@ait/testing'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { notes } from './fixtures/notes/service.ts'

const secondToken = 'second-service-token-0123456789abcdefghijkl'
let service: TestService
before(async () => {
  service = await startTestService(notes, {
    env: { SERVICE_AUTH_TOKEN: `${testServiceToken}, ${secondToken}` },
  })
})
after(() => service.stop())

const b64 = (value: object | string): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const partsOf = (token: string): string[] => token.split('.')
const headerOf = (token: string): any =>
  JSON.parse(Buffer.from(partsOf(token)[0] as string, 'base64url').toString())
const claimsOf = (token: string): any =>
  JSON.parse(Buffer.from(partsOf(token)[1] as string, 'base64url').toString())

async function refused(token: string | null, what: string): Promise<any> {
  const answer = await service.with(token).call('onlyUser')
  assert.equal(answer.status, 401, `${what}: ${answer.raw}`)
  assert.match(answer.headers['www-authenticate'], /^Bearer/)
  assert.equal(typeof answer.body.detail, 'string')
  return answer
}

test('without a token one is asked for', async () => {
  const answer = await refused(null, 'nobody')
  assert.equal(answer.body.code, 'unauthorized')
  assert.equal(answer.headers['www-authenticate'], 'Bearer')
})

test('malformed credentials are refused', async () => {
  const headers = [
    'Bearer',
    'Bearer ',
    'Basic YTpi',
    'Bearer a b',
    'Bearer a\tb',
    'x',
    'Bearer é',
    `Bearer ${'a'.repeat(9000)}`,
  ]
  for (const authorization of headers) {
    const answer = await service.with(null).call('onlyUser', { headers: { authorization } })
    assert.equal(answer.status, 401, authorization)
    assert.equal(answer.body.code, 'invalid_token', authorization)
  }
  for (const token of ['a', 'a.b', 'a.b.c', '..', 'a.b.c.d.e', 'ait_', 'ait_unknown', b64('{}')])
    await refused(token, token)
})

test('a good token of a person is taken', async () => {
  await service.as('ann').call('onlyUser', {}, 204)
  const who = await service.as('ann').call('whoAmI', {}, 200)
  const { id, email, groups } = personas.ann
  assert.deepEqual(
    { ...who.body, sid: '' },
    { kind: 'user', id, email, name: personas.ann.name, role: 'user', groups, permissions: [], sid: '' },
  )
})

test('forged, expired, early and foreign tokens are refused', async () => {
  const now = Math.floor(Date.now() / 1000)
  const { authority } = service
  await refused(await authority.forgedFor('admin'), 'forged')
  const wrong: Record<string, Record<string, unknown>> = {
    expired: { exp: now - 60, iat: now - 700 },
    'not yet valid': { nbf: now + 3600 },
    'another audience': { aud: 'somebody-else' },
    'another issuer': { iss: 'https://evil.example' },
    'no session': { sid: undefined },
    'no subject': { sub: undefined },
    'no role': { role: undefined },
    'no expiry': { exp: undefined },
  }
  for (const [what, claims] of Object.entries(wrong))
    await refused(await authority.tokenFor('admin', claims), what)
  const expired = await service.with(await authority.tokenFor('ann', wrong['expired'])).call('onlyUser')
  assert.match(expired.body.detail, /expired/)
})

test('a role or group that the token does not spell right gives nothing', async () => {
  const odd = await service
    .as('ann', { role: 'root', groups: 'admins', permissions: { 0: 'notes.manage' } })
    .call('whoAmI', {}, 200)
  assert.equal(odd.body.role, 'user')
  assert.deepEqual(odd.body.groups, [])
  assert.deepEqual(odd.body.permissions, [])
})

test('no algorithm but ES256 is taken (RFC 8725, 3.1)', async () => {
  const good = await service.authority.tokenFor('admin')
  const claims = partsOf(good)[1] as string
  const { keys } = await service.authority.jwks()
  const [jwk] = keys
  for (const alg of ['none', 'None', 'NONE', '']) {
    const head = b64({ ...headerOf(good), alg })
    await refused(`${head}.${claims}.`, `alg ${alg}`)
    await refused(`${head}.${claims}.${partsOf(good)[2]}`, `alg ${alg} with a signature`)
  }
  // The public key used as an HMAC secret, in the shapes in which it may be at hand.
  for (const secret of [
    JSON.stringify(jwk),
    String(jwk?.['x']),
    Buffer.from(String(jwk?.['x']), 'base64url'),
  ]) {
    const signed = `${b64({ ...headerOf(good), alg: 'HS256' })}.${claims}`
    await refused(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`, 'HS256')
  }
  const rsa = await generateKeyPair('RS256')
  const token = await new SignJWT(claimsOf(good))
    .setProtectedHeader({ alg: 'RS256', kid: 'test', typ: 'at+jwt' })
    .sign(rsa.privateKey)
  await refused(token, 'RS256')
})

test('a token that brings its own key is refused (RFC 8725, 3.10)', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const claims = claimsOf(await service.authority.tokenFor('admin'))
  const own = [
    { jwk },
    { jku: 'https://evil.example/jwks.json' },
    { x5u: 'https://evil.example/cert.pem' },
    { kid: '../../../dev/null' },
    { kid: "x' or '1'='1" },
    { crit: ['exp'], exp: 1 },
  ]
  for (const extra of own) {
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: 'test', typ: 'at+jwt', ...extra } as never)
      .sign(privateKey, { crit: { exp: true } })
    await refused(token, JSON.stringify(extra))
  }
})

test('another kind of token is refused (RFC 9068, 4)', async () => {
  const good = await service.authority.tokenFor('ann')
  for (const typ of ['JWT', 'refresh+jwt', 'application/jwt', undefined])
    await refused(await service.authority.tokenFor('ann', {}, { typ }), `typ ${typ}`)
  const [head, claims, signature] = partsOf(good) as [string, string, string]
  await refused(`${head}.${b64({ ...claimsOf(good), role: 'admin' })}.${signature}`, 'changed claims')
  await refused(`${b64({ ...headerOf(good), typ: 'JWT' })}.${claims}.${signature}`, 'changed header')
  await service.with(good).call('onlyUser', {}, 204)
})

test('both service tokens are taken while rotating, and nothing near them', async () => {
  for (const token of [testServiceToken, secondToken]) {
    await service.with(token).call('onlyService', {}, 204)
    await service.with(token).call('onlyUser', {}, 204)
    await service.with(token).call('onlyAdmin', {}, 403)
  }
  for (const token of [
    testServiceToken.slice(0, -1),
    `${testServiceToken}x`,
    `${testServiceToken},`,
    testServiceToken.toUpperCase(),
  ])
    await refused(token, 'near the service token')
  await service.as('admin').call('onlyService', {}, 403)
})

test('each access rule lets in whom it names', async () => {
  await service.as('ann').call('onlyAdmin', {}, 403)
  await service.as('admin').call('onlyAdmin', {}, 204)
  await service.as('ann').call('onlyManager', {}, 403)
  await service.as('ann', { permissions: ['notes.manage'] }).call('onlyManager', {}, 204)
  await service.as('ann', { permissions: ['notes.manag', 'notes'] }).call('onlyManager', {}, 403)
  await service.as('admin').call('onlyManager', {}, 204)
  await service.asService().call('onlyManager', {}, 403)
})

test('opaque tokens do what their scopes say', async () => {
  const user: Principal = { kind: 'user', ...personas.admin, permissions: [], sid: 'token-1' }
  const cases: [string[], { read: number; write: number }][] = [
    [['*'], { read: 204, write: 204 }],
    [['read'], { read: 204, write: 403 }],
    [['write'], { read: 403, write: 204 }],
    [['kitnotes:read'], { read: 204, write: 403 }],
    [['kitnotes:write'], { read: 403, write: 204 }],
    [['kitnotes:*'], { read: 204, write: 204 }],
    [['storage:*', 'kit:*', 'kitnotes'], { read: 403, write: 403 }],
    [[], { read: 403, write: 403 }],
  ]
  for (const [i, [scopes, expected]] of cases.entries()) {
    const token = `ait_person${i}`
    service.authority.know(token, { ...user, scopes })
    await service.with(token).call('onlyUser', {}, expected.read)
    const write = await service.with(token).call('onlyUserWrite', {}, expected.write)
    if (expected.write === 403) assert.equal(write.body.code, 'insufficient_scope')
  }
})

test('an opaque token of a service is a service, within its scopes', async () => {
  service.authority.know('ait_service', { kind: 'service', id: 'crm', scopes: ['kitnotes:read'] })
  await service.with('ait_service').call('onlyService', {}, 204)
  await service.with('ait_service').call('onlyUserWrite', {}, 403)
})

test('a link opens what was shared by it, and nothing that asks for a person', async () => {
  const headers = { 'x-share-token': 'some-link' }
  await service.with(null).call('onlyUser', { headers }, 401)
  await service.with(null).call('onlyAdmin', { headers }, 403)
  const who = await service.with(null).call('whoAmI', { headers }, 200)
  assert.equal(who.body.kind, 'link')
  assert.ok(!JSON.stringify(who.body).includes('some-link'))
  await service.as('ann').call('onlyUser', { headers }, 204)
  assert.equal(
    (await service.with(null).call('whoAmI', { headers: { 'x-share-token': 'x'.repeat(201) } })).body.kind,
    'nobody',
  )
})

test('where anybody may ask, a bad token counts as none', async () => {
  for (const token of ['nonsense', await service.authority.forgedFor('admin'), 'ait_unknown'])
    assert.deepEqual((await service.with(token).call('whoAmI', {}, 200)).body, { kind: 'nobody' })
  assert.equal((await service.as('ann').call('whoAmI', {}, 200)).body.id, personas.ann.id)
})

test('where anybody may ask, a token that is for something else counts as none', async () => {
  const admin: Principal = { kind: 'user', ...personas.admin, permissions: [], sid: 'token-2' }
  service.authority.know('ait_narrow', { ...admin, scopes: ['storage:read'] })
  service.authority.know('ait_wide', { ...admin, scopes: ['kitnotes:read'] })
  assert.deepEqual((await service.with('ait_narrow').call('whoAmI', {}, 200)).body, { kind: 'nobody' })
  assert.equal((await service.with('ait_wide').call('whoAmI', {}, 200)).body.id, personas.admin.id)
})

test('a session that has ended is over within a second, also for tokens that were seen before', async () => {
  const sid = randomUUID()
  const token = await service.authority.tokenFor('ann', { sid })
  await service.with(token).call('onlyUser', {}, 204)
  const start = performance.now()
  service.authority.revoke(sid)
  const answer = await until('the session to end', async () => {
    const { status, body } = await service.with(token).call('onlyUser')
    return status === 401 ? body : undefined
  })
  const ms = performance.now() - start
  assert.ok(ms < 1000, `took ${ms} ms`)
  assert.equal(answer.code, 'invalid_token')
  await refused(await service.authority.tokenFor('ann', { sid }), 'another token of that session')
  await service.as('ann').call('onlyUser', {}, 204)
  assert.equal((await service.with(token).call('whoAmI', {}, 200)).body.kind, 'nobody')
})

test('what had ended before a start does not pass after it, nor before the list of it is here', async (t) => {
  const authority = await createTestAuthority()
  const list = Promise.withResolvers<void>()
  const late: Authority = {
    ...authority,
    async revocations(cursor, signal) {
      await list.promise
      return authority.revocations(cursor, signal)
    },
  }
  const [ended, open] = [randomUUID(), randomUUID()]
  authority.revoke(ended)
  const restarted = await startTestService(notes, { authority: { ...authority, ...late } })
  t.after(() => restarted.stop())
  const statusOf = async (sid: string) =>
    (await restarted.with(await authority.tokenFor('ann', { sid })).call('onlyUser')).status
  assert.equal(await statusOf(ended), 503)
  list.resolve()
  assert.equal(await statusOf(open), 204)
  assert.equal(await statusOf(ended), 401)
})

test('a personal token that was revoked is over too', async () => {
  service.authority.know('ait_revoked', {
    kind: 'user',
    ...personas.ann,
    permissions: [],
    sid: 'pat-7',
    scopes: ['*'],
  })
  await service.with('ait_revoked').call('onlyUser', {}, 204)
  service.authority.revoke('pat-7')
  await until(
    'the token to end',
    async () => (await service.with('ait_revoked').call('onlyUser')).status === 401,
  )
})

test('a principal that was handed along is not asked for again; headers cannot hand one', async () => {
  const forged = {
    'x-principal': JSON.stringify({ kind: 'user', role: 'admin' }),
    'symbol(principal)': 'x',
    principal: 'admin',
  }
  assert.equal((await service.with(null).call('whoAmI', { headers: forged })).body.kind, 'nobody')
  const { app } = service.service
  const principal: Principal = { kind: 'user', ...personas.bob, permissions: [], sid: 's' }
  app.server.prependOnceListener('request', (request) => handPrincipal(request, principal))
  const url = await service.service.listen(0, '127.0.0.1')
  const handed = (await (await fetch(`${url}/api/v1/kitnotes/who`)).json()) as { id: string }
  assert.equal(handed.id, personas.bob.id)
  assert.deepEqual(await (await fetch(`${url}/api/v1/kitnotes/who`)).json(), { kind: 'nobody' })
})
