import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { decodeJwt } from 'jose'
import { mailTo, password, startAuth, tokenIn, type AuthService, type Person } from './support/auth.ts'

let auth: AuthService
let admin: Person
before(async () => {
  auth = await startAuth({ REGISTRATION: 'domain:example.com' })
  admin = await auth.admin()
})
after(() => auth.stop())

const newGroup = async (name: string, permissions: string[] = []) =>
  (await admin.call('createGroup', { body: { name, title: name.toUpperCase(), permissions } }, 201)).body

test('nobody reads the directory without signing in', async () => {
  const params = { id: admin.id }
  for (const operation of ['searchUsers', 'listGroups']) await auth.nobody.call(operation, {}, 401)
  for (const operation of ['getUser', 'getGroup', 'listMembers'])
    await auth.nobody.call(operation, { params }, 401)
  await auth.nobody.call('lookupUsers', { body: { ids: [admin.id] } }, 401)
})

test('groups and their permissions come into the access token', async () => {
  const person = await auth.newPerson()
  const group = await newGroup('staff', ['hr.manage', 'hr.view'])
  await newGroup('others', ['crm.manage'])
  const answer = await admin.call(
    'addMembers',
    { params: { id: group.id }, body: { user_ids: [person.id, group.id] } },
    200,
  )
  assert.equal(answer.body.members, 1, 'an unknown id adds nobody')
  const claims = decodeJwt((await auth.signIn(person.email)).tokens.access_token)
  assert.deepEqual(claims['groups'], ['staff'])
  assert.deepEqual(claims['permissions'], ['hr.manage', 'hr.view'])
  const permissions = (await admin.call('listPermissions', {}, 200)).body.items
  assert.deepEqual(permissions[0], { permission: 'crm.manage', groups: ['others'] })

  const members = (await person.call('listMembers', { params: { id: group.id } }, 200)).body.items
  assert.deepEqual(members, [{ id: person.id, full_name: 'person1', email: person.email, avatar_url: null }])
  const member = { id: group.id, user_id: person.id }
  await admin.call('removeMember', { params: member }, 204)
  await admin.call('removeMember', { params: member }, 404)
  assert.deepEqual(decodeJwt((await auth.signIn(person.email)).tokens.access_token)['groups'], [])
})

test('a group is made once, changed on the version that was read, and deleted', async () => {
  const group = await newGroup('editors')
  const body = { name: 'editors', title: 'Again' }
  await admin.call('createGroup', { body }, 409)
  await admin.call('createGroup', { body: { name: 'Not A Slug', title: 'X' } }, 422)
  await admin.call('createGroup', { body: { name: 'x', title: 'X', permissions: ['everything'] } }, 422)
  const headers = { 'idempotency-key': 'group-1' }
  const once = await admin.call('createGroup', { body: { name: 'once', title: 'Once' }, headers }, 201)
  const again = await admin.call('createGroup', { body: { name: 'once', title: 'Once' }, headers }, 201)
  assert.deepEqual(again.body, once.body)

  const params = { id: group.id }
  const change = { params, body: { title: 'Writers' }, headers: { 'if-match': '"v1"' } }
  const changed = await admin.call('updateGroup', change, 200)
  assert.equal(changed.headers['etag'], '"v2"')
  await admin.call('updateGroup', change, 412)
  assert.equal((await admin.call('getGroup', { params }, 200)).body.title, 'Writers')
  const titles = (await admin.call('listGroups', {}, 200)).body.items.map((item: any) => item.title)
  assert.ok(titles.includes('Writers'))
  await admin.call('deleteGroup', { params }, 204)
  await admin.call('getGroup', { params }, 404)
  assert.deepEqual((await auth.events('auth.group.deleted.v1')).at(-1), { id: group.id, name: 'editors' })
})

test('an administrator sets somebody’s groups', async () => {
  await newGroup('red')
  await newGroup('blue')
  const person = await auth.newPerson()
  const params = { id: person.id }
  const set = async (groups: string[]) =>
    (await admin.call('updateAccount', { params, body: { groups } }, 200)).body.groups
  assert.deepEqual(await set(['red', 'blue']), ['blue', 'red'])
  assert.deepEqual(await set(['blue']), ['blue'])
  await admin.call('updateAccount', { params, body: { groups: ['green'] } }, 422)
  const filtered = (await admin.call('listUsers', { query: { group: 'blue' } }, 200)).body.items
  assert.deepEqual(
    filtered.map((item: any) => item.id),
    [person.id],
  )
})

test('the directory finds by beginnings of words, without accents, and shows little', async () => {
  const searcher = await auth.newPerson()
  const body = { email: 'jperez@example.com', password, full_name: 'Juan Pérez Gómez' }
  const juan = (await auth.nobody.call('register', { body }, 201)).body
  const found = async (q: string) =>
    (await searcher.call('searchUsers', { query: { q } }, 200)).body.items.map((item: any) => item.id)
  for (const q of ['perez', 'PÉRE', 'gómez ju', 'jperez@exa', 'jper'])
    assert.deepEqual(await found(q), [juan.id], q)
  for (const q of ['erez', '%', 'perez anna', '_erez']) assert.deepEqual(await found(q), [], q)
  const entry = (await searcher.call('getUser', { params: { id: juan.id } }, 200)).body
  assert.deepEqual(entry, { id: juan.id, full_name: body.full_name, email: body.email, avatar_url: null })
  const ids = [juan.id, '01900000-0000-7000-8000-00000000ffff']
  assert.deepEqual((await searcher.call('lookupUsers', { body: { ids } }, 200)).body.items, [entry])
  await searcher.call('getUser', { params: { id: ids[1]! } }, 404)
  await admin.call('updateAccount', { params: { id: juan.id }, body: { disabled: true } }, 200)
  assert.deepEqual(await found('perez'), [], 'who is disabled is not offered')
})

test('guests do not look through the directory', async () => {
  const body = { email: 'guest@example.com', full_name: 'Guest', role: 'guest', password }
  await admin.call('createUser', { body }, 201)
  const guest = await auth.signIn(body.email)
  await guest.call('searchUsers', {}, 403)
  const group = await newGroup('closed')
  await guest.call('listMembers', { params: { id: group.id } }, 403)
  await guest.call('getUser', { params: { id: admin.id } }, 200)
})

test('by domain only, or by invitation, which brings role and groups', async () => {
  const outside = { email: 'new@partner.example', password, full_name: 'Partner' }
  const refused = await auth.nobody.call('register', { body: outside }, 403)
  assert.equal(refused.body.code, 'domain_not_allowed')
  await newGroup('partners')
  const ask = { email: outside.email, role: 'guest', groups: ['partners'], locale: 'es' }
  await admin.call('invite', { body: { ...ask, groups: ['nowhere'] } }, 422)
  await admin.call('invite', { body: { ...ask, email: admin.email } }, 409)
  const invitation = (await admin.call('invite', { body: ask }, 201)).body
  const mail = await mailTo(auth, outside.email, 'invitation')
  assert.deepEqual([mail.locale, mail.data['inviter']], ['es', 'Administrator'])
  const invitation_token = tokenIn(mail)
  const looked = (await auth.nobody.call('getInvitation', { body: { token: invitation_token } }, 200)).body
  assert.deepEqual(looked, { email: outside.email, role: 'guest', expires_at: invitation.expires_at })

  const other = { ...outside, email: 'thief@partner.example', invitation_token }
  assert.equal(
    (await auth.nobody.call('register', { body: other }, 403)).body.code,
    'invitation_other_address',
  )
  const made = (await auth.nobody.call('register', { body: { ...outside, invitation_token } }, 201)).body
  assert.deepEqual([made.role, made.groups, made.email_verified], ['guest', ['partners'], true])
  await auth.nobody.call('register', { body: { ...outside, invitation_token } }, 400)
})

test('an invitation is withdrawn, replaced by a newer one, and expires', async () => {
  const invite = async (email: string) => {
    const { id } = (await admin.call('invite', { body: { email } }, 201)).body
    return { id, token: tokenIn(await mailTo(auth, email, 'invitation')) }
  }
  const lookup = async (token: string) =>
    (await auth.nobody.call('getInvitation', { body: { token } })).status
  const withdrawn = await invite('a@partner.example')
  await admin.call('revokeInvitation', { params: { id: withdrawn.id } }, 204)
  await admin.call('revokeInvitation', { params: { id: withdrawn.id } }, 404)
  assert.equal(await lookup(withdrawn.token), 400)
  const first = await invite('b@partner.example')
  await admin.call('invite', { body: { email: 'b@partner.example' } }, 201)
  assert.equal(await lookup(first.token), 400)
  const open = (await admin.call('listInvitations', { query: { open: true } }, 200)).body.items
  assert.deepEqual(
    open.map((item: any) => item.email),
    ['b@partner.example'],
  )
  auth.advance(8 * 86_400_000)
  admin = await auth.admin()
  assert.deepEqual((await admin.call('listInvitations', { query: { open: true } }, 200)).body.items, [])
  assert.ok((await admin.call('listInvitations', {}, 200)).body.items.length >= 3)
})
