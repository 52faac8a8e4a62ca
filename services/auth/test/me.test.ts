import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startAuth, type AuthService } from './support/auth.ts'

let auth: AuthService
before(async () => {
  auth = await startAuth()
})
after(() => auth.stop())

/** The smallest PNG: one transparent pixel. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
)
const headers = { 'content-type': 'image/png' }

test('a stranger changes nobody’s profile', async () => {
  await auth.nobody.call('updateMe', { body: { full_name: 'X' } }, 401)
  await auth.nobody.call('putAvatar', { body: png, headers }, 401)
  await auth.nobody.call('deleteAvatar', {}, 401)
  await auth.asService().call('updateMe', { body: { full_name: 'X' } }, 403)
})

test('name, language and time zone change on the version that was read', async () => {
  const person = await auth.newPerson()
  const body = { full_name: 'Ana Núñez', locale: 'es-ES', time_zone: 'Europe/Madrid' }
  const changed = await person.call('updateMe', { body, headers: { 'if-match': '"v1"' } }, 200)
  assert.deepEqual(
    [changed.body.full_name, changed.body.version, changed.headers['etag']],
    ['Ana Núñez', 2, '"v2"'],
  )
  await person.call('updateMe', { body, headers: { 'if-match': '"v1"' } }, 412)
  await person.call('updateMe', { body: { time_zone: 'Mars/Base' } }, 422)
  await person.call('updateMe', { body: { locale: 'klingon!' } }, 422)
  await person.call('updateMe', { body: { full_name: '   ' } }, 422)
  await person.call('updateMe', { body: { role: 'admin' } }, 422)
  const updated = (await auth.events('auth.user.updated.v1')).at(-1)
  assert.deepEqual([updated.full_name, updated.version], ['Ana Núñez', 2])
})

test('a picture is set, shown to everybody as what it is, replaced and removed', async () => {
  const person = await auth.newPerson()
  const set = await person.call('putAvatar', { body: png, headers: { 'content-type': 'image/jpeg' } }, 200)
  const url = new URL(set.body.avatar_url, 'http://localhost')
  assert.equal(url.pathname, `/api/v1/auth/users/${person.id}/avatar`)
  const params = { id: person.id }
  const shown = await auth.nobody.call('getAvatar', { params, query: { v: url.searchParams.get('v') } }, 200)
  assert.deepEqual(shown.raw, png)
  assert.equal(shown.headers['content-type'], 'image/png')
  assert.equal(shown.headers['x-content-type-options'], 'nosniff')
  assert.match(shown.headers['content-security-policy'], /sandbox/)
  assert.match(shown.headers['cache-control'], /immutable/)
  assert.equal((await auth.nobody.call('getAvatar', { params }, 200)).headers['cache-control'], 'no-cache')
  await person.call('deleteAvatar', {}, 204)
  await auth.nobody.call('getAvatar', { params }, 404)
  assert.equal((await person.call('getMe', {}, 200)).body.avatar_url, null)
})

test('what is no picture, or too large a one, is refused', async () => {
  const person = await auth.newPerson()
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
  await person.call('putAvatar', { body: svg, headers: { 'content-type': 'image/svg+xml' } }, 415)
  await person.call('putAvatar', { body: svg, headers }, 415)
  await person.call('putAvatar', { body: { data: 'x' } }, 415)
  const large = Buffer.concat([png, Buffer.alloc(600_000)])
  await person.call('putAvatar', { body: large, headers }, 413)
  assert.equal((await person.call('getMe', {}, 200)).body.avatar_url, null)
})
