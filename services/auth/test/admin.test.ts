import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '@ait/testing'
import { mailTo, password, startAuth, tokenIn, type AuthService, type Person } from './support/auth.ts'
import { enableTotp } from './support/totp.ts'

let auth: AuthService
let admin: Person
before(async () => {
  auth = await startAuth()
  admin = await auth.admin()
})
after(() => auth.stop())

const isOut = (who: Person) =>
  until('the access token is refused', async () => (await who.call('getMe')).status === 401, 1000)

test('a stranger administers nothing, and nothing is written', async () => {
  const person = await auth.newPerson()
  const victim = await auth.newPerson()
  const params = { id: victim.id }
  const calls = [
    ['listUsers', {}],
    ['createUser', { body: { email: 'x@example.com', full_name: 'X' } }],
    ['getAccount', { params }],
    ['updateAccount', { params, body: { role: 'admin' } }],
    ['deleteAccount', { params }],
    ['endAccountSessions', { params }],
    ['resetAccountMfa', { params }],
    ['createGroup', { body: { name: 'x', title: 'X' } }],
    ['updateGroup', { params, body: { title: 'X' } }],
    ['deleteGroup', { params }],
    ['addMembers', { params, body: { user_ids: [person.id] } }],
    ['removeMember', { params: { ...params, user_id: person.id } }],
    ['listPermissions', {}],
    ['listInvitations', {}],
    ['invite', { body: { email: 'x@example.com' } }],
    ['revokeInvitation', { params }],
    ['listServiceTokens', {}],
    ['createServiceToken', { body: { name: 'x', scopes: ['*'] } }],
    ['revokeServiceToken', { params }],
  ] as const
  const written = async () =>
    (await auth.sql`select count(*)::int as n from kit.events where type <> 'auth.mail.requested.v1'`)[0]?.[
      'n'
    ]
  const count = await written()
  for (const [operation, options] of calls) {
    await auth.nobody.call(operation, options as never, 401)
    await person.call(operation, options as never, 403)
  }
  assert.equal(await written(), count)
  await victim.call('getMe', {}, 200)
})

test('an administrator creates an account; without a password the person is mailed a link to set one', async () => {
  const body = { email: 'made@example.com', full_name: 'Made Here', locale: 'es' }
  const made = (await admin.call('createUser', { body }, 201)).body
  await admin.call('createUser', { body }, 409)
  await auth.nobody.call('login', { body: { email: body.email, password } }, 401)
  const mail = await mailTo(auth, body.email, 'set_password')
  assert.equal(mail.locale, 'es')
  await auth.nobody.call('resetPassword', { body: { token: tokenIn(mail), password } }, 204)
  assert.equal((await auth.signIn(body.email)).id, made.id)
  await admin.call('createUser', { body: { ...body, email: 'weak@example.com', password: 'password1' } }, 422)
  await admin.call('createUser', { body: { ...body, email: 'g@example.com', groups: ['nowhere'] } }, 422)
})

test('accounts are listed by name and filtered', async () => {
  const body = { email: 'zoe.alvarez@example.com', full_name: 'Zoé Álvarez', role: 'guest', password }
  await admin.call('createUser', { body }, 201)
  const names = async (query: object) =>
    (await admin.call('listUsers', { query: query as never }, 200)).body.items.map(
      (item: any) => item.full_name,
    )
  assert.deepEqual(await names({ q: 'alvarez zoe' }), ['Zoé Álvarez'])
  assert.deepEqual(await names({ role: 'guest' }), ['Zoé Álvarez'])
  assert.deepEqual(await names({ disabled: true }), [])
  const all = await names({})
  let cursor: string | undefined
  const paged: string[] = []
  do {
    const page = (await admin.call('listUsers', { query: { limit: 2, ...(cursor && { cursor }) } }, 200)).body
    paged.push(...page.items.map((item: any) => item.full_name))
    cursor = page.next_cursor ?? undefined
  } while (cursor)
  assert.deepEqual(paged, all)
})

test('a disabled person is out at once and cannot come back until enabled', async () => {
  const person = await auth.newPerson()
  const token = (await person.call('createToken', { body: { name: 't', scopes: ['*'] } }, 201)).body.token
  await auth.with(token).call('getMe', {}, 200)
  const params = { id: person.id }
  const read = await admin.call('getAccount', { params }, 200)
  const headers = { 'if-match': read.headers['etag'] }
  const changed = await admin.call('updateAccount', { params, body: { disabled: true }, headers }, 200)
  assert.equal(changed.body.disabled, true)
  await admin.call('updateAccount', { params, body: { disabled: false }, headers }, 412)
  await isOut(person)
  await until(
    'the personal token is refused',
    async () => (await auth.with(token).call('getMe')).status === 401,
    1000,
  )
  const denied = await auth.nobody.call('login', { body: { email: person.email, password } }, 403)
  assert.equal(denied.body.code, 'account_disabled')
  await auth.nobody.call('login', { body: { email: person.email, password: 'wrong' } }, 401)
  assert.equal((await auth.events('auth.user.disabled.v1')).at(-1).id, person.id)
  await admin.call('updateAccount', { params, body: { disabled: false } }, 200)
  assert.equal((await auth.events('auth.user.enabled.v1')).at(-1).id, person.id)
  await auth.signIn(person.email)
})

test('a role is given and taken; who has less than before signs in again', async () => {
  const person = await auth.newPerson()
  const params = { id: person.id }
  await admin.call('updateAccount', { params, body: { role: 'admin' } }, 200)
  const deputy = await auth.signIn(person.email)
  await deputy.call('listUsers', {}, 200)
  await admin.call('updateAccount', { params, body: { role: 'user' } }, 200)
  await isOut(deputy)
  await (await auth.signIn(person.email)).call('listUsers', {}, 403)
})

test('the last administrator stays one', async () => {
  const params = { id: admin.id }
  for (const body of [{ role: 'user' }, { disabled: true }])
    assert.equal((await admin.call('updateAccount', { params, body }, 409)).body.code, 'last_admin')
  await admin.call('deleteAccount', { params }, 409)
  const second = await auth.newPerson()
  await admin.call('updateAccount', { params: { id: second.id }, body: { role: 'admin' } }, 200)
  const deputy = await auth.signIn(second.email)
  const both = await Promise.all([
    admin.call('updateAccount', { params: { id: second.id }, body: { role: 'user' } }),
    deputy.call('updateAccount', { params, body: { role: 'user' } }),
  ])
  assert.deepEqual(
    both.map((answer) => answer.status).toSorted(),
    [200, 409],
    'not even when two try at once',
  )
  const [left] = await auth.sql`select id, email from users where role = 'admin'`
  if (left?.['id'] !== admin.id) await auth.sql`update users set role = 'admin' where id = ${admin.id}`
  admin = await auth.admin()
})

test('a deleted person is gone for good, and the others are told', async () => {
  const person = await auth.newPerson()
  await admin.call('deleteAccount', { params: { id: person.id } }, 204)
  await isOut(person)
  await auth.nobody.call('refresh', { body: { refresh_token: person.tokens.refresh_token } }, 401)
  await auth.nobody.call('login', { body: { email: person.email, password } }, 401)
  assert.deepEqual((await auth.events('auth.user.deleted.v1')).at(-1), { id: person.id, version: 2 })
  await admin.call('getAccount', { params: { id: person.id } }, 404)
  await admin.call('deleteAccount', { params: { id: person.id } }, 404)
})

test('an administrator ends sessions and removes lost factors', async () => {
  const person = await auth.newPerson()
  await enableTotp(auth, person)
  const params = { id: person.id }
  assert.equal((await admin.call('endAccountSessions', { params }, 200)).body.ended, 1)
  await isOut(person)
  await admin.call('resetAccountMfa', { params }, 204)
  const back = await auth.signIn(person.email)
  assert.equal((await back.call('getMfa', {}, 200)).body.enabled, false)
  assert.equal((await mailTo(auth, person.email, 'mfa_changed')).data['change'], 'mfa.reset')
})

test('every step is in the audit log, with who, whence and what', async () => {
  const person = await auth.newPerson()
  await admin.call('updateAccount', { params: { id: person.id }, body: { full_name: 'Renamed' } }, 200)
  const query = { action: 'user.updated', resource_id: person.id }
  const [entry] = (await admin.call('listAudit', { query }, 200)).body.items
  assert.deepEqual(
    [entry.actor_id, entry.address, entry.detail],
    [admin.id, '127.0.0.1', { full_name: 'Renamed' }],
  )
  await person.call('listAudit', {}, 403)
})
