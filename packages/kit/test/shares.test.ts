import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { abilitiesOf, linkId, newId, visibleTo, type Principal } from '@ait/kit'
import { personas, startTestService, type TestService } from '@ait/testing'
import fc from 'fast-check'
import { notes, policy } from './fixtures/notes/service.ts'

let service: TestService
before(async () => {
  service = await startTestService(notes)
})
after(() => service.stop())

type Who = 'ann' | 'bob' | 'stranger' | 'admin'
const create = async (who: Who, title = 'A', parent_id?: string): Promise<{ id: string }> =>
  (await service.as(who).call('createNote', { body: { title, ...(parent_id && { parent_id }) } }, 201)).body
const share = (id: string, body: object, expected?: number, who: Who = 'ann') =>
  service.as(who).call('shareNote', { params: { id }, body }, expected)
const toBob = (role: string) => ({ subject_type: 'user', subject_id: personas.bob.id, role })
const get = (who: Who, id: string, expected?: number) =>
  service.as(who).call('getNote', { params: { id } }, expected)

test('a moment that could not be answered with again is refused', async () => {
  const { id } = await create('ann')
  // RFC 3339, each, and in UTC in the year 10000, before the year 1, and a leap second.
  for (const expires_at of [
    '9999-12-31T23:59:59-12:00',
    '0001-01-01T00:00:00+12:00',
    '2030-12-31T23:59:60Z',
  ]) {
    const answer = await share(id, { ...toBob('viewer'), expires_at }, 422)
    assert.deepEqual(answer.body.errors[0].loc, ['body', 'expires_at'])
  }
  await share(id, { ...toBob('viewer'), expires_at: '9999-12-31T23:59:59Z' }, 200)
  await service.as('ann').call('listNoteShares', { params: { id } }, 200)
})

test('what is hidden is byte for byte like what is missing, for every operation', async () => {
  const { id } = await create('ann')
  const hidden = { params: { id } }
  const missing = { params: { id: newId() } }
  const calls: [string, object][] = [
    ['getNote', {}],
    ['updateNote', { body: { title: 'B' } }],
    ['deleteNote', {}],
    ['copyNote', {}],
    ['listNoteShares', {}],
    ['shareNote', { body: toBob('viewer') }],
    ['unshareNote', {}],
  ]
  for (const [operation, extra] of calls) {
    const params = operation === 'unshareNote' ? { share_id: newId() } : {}
    const at = ({ params: own }: { params: object }) => ({ params: { ...own, ...params }, ...extra })
    const one = await service.as('stranger').call(operation, at(hidden) as never, 404)
    const other = await service.as('stranger').call(operation, at(missing) as never, 404)
    assert.deepEqual(one.raw, other.raw, operation)
    const { 'x-request-id': _, date: __, ...headers } = one.headers
    const { 'x-request-id': ___, date: ____, ...others } = other.headers
    assert.deepEqual(headers, others, operation)
  }
})

test('each role gives what the policy says, and the answer says which', async () => {
  const { id } = await create('ann')
  const abilities = {
    viewer: ['view'],
    editor: ['view', 'edit'],
    manager: ['view', 'edit', 'share', 'delete'],
  }
  for (const [role, expected] of Object.entries(abilities)) {
    await share(id, toBob(role), 200)
    assert.deepEqual((await get('bob', id, 200)).body.abilities, expected)
    const edited = await service.as('bob').call('updateNote', { params: { id }, body: { title: role } })
    assert.equal(edited.status, expected.includes('edit') ? 200 : 403)
    const shared = await service.as('bob').call('listNoteShares', { params: { id } })
    assert.equal(shared.status, expected.includes('share') ? 200 : 403)
  }
  assert.deepEqual((await get('ann', id, 200)).body.abilities, abilities.manager)
  await get('stranger', id, 404)
  await get('admin', id, 404)
})

test('a role that the policy leaves out cannot be given', async () => {
  const { id } = await create('ann')
  const answer = await share(id, toBob('commenter'), 422)
  assert.deepEqual(answer.body.errors[0].loc, ['body', 'role'])
  await share(id, toBob('owner'), 422)
  await share(id, { subject_type: 'user', role: 'viewer' }, 422)
  await share(id, { subject_type: 'all', subject_id: 'x', role: 'viewer' }, 422)
})

test('groups, everyone, and who was taken back', async () => {
  const { id } = await create('ann')
  const { body: given } = await share(
    id,
    { subject_type: 'group', subject_id: 'brokers', role: 'viewer' },
    200,
  )
  await get('bob', id, 200)
  await get('stranger', id, 404)
  await share(id, { subject_type: 'everyone', role: 'viewer' }, 200)
  await get('stranger', id, 200)
  const shares = (await service.as('ann').call('listNoteShares', { params: { id } }, 200)).body.items
  assert.equal(shares.length, 2)
  for (const { id: share_id } of shares)
    await service.as('ann').call('unshareNote', { params: { id, share_id } }, 204)
  await get('bob', id, 404)
  await get('stranger', id, 404)
  await service.as('ann').call('unshareNote', { params: { id, share_id: given.id } }, 404)
  // The share of one note is no key to another.
  const other = await create('ann')
  const { body: theirs } = await share(other.id, toBob('viewer'), 200)
  await service.as('ann').call('unshareNote', { params: { id, share_id: theirs.id } }, 404)
  await get('bob', other.id, 200)
})

test('everyone means everyone who has signed in', async () => {
  const { id } = await create('ann')
  await share(id, { subject_type: 'everyone', role: 'viewer' }, 200)
  await service.with(null).call('getNote', { params: { id } }, 401)
  await service.with(null).call('getNote', { params: { id }, headers: { 'x-share-token': 'x' } }, 404)
  await service.asService().call('getNote', { params: { id } }, 404)
})

test('a link opens one note in one role; its token is shown once and not kept', async () => {
  const { id } = await create('ann')
  const other = await create('ann')
  const { body } = await share(id, { subject_type: 'link', role: 'viewer' }, 200)
  const headers = { 'x-share-token': body.token as string }
  const visitor = service.with(null)
  await visitor.call('getNote', { params: { id }, headers }, 200)
  await visitor.call('updateNote', { params: { id }, headers, body: { title: 'B' } }, 403)
  await visitor.call('getNote', { params: { id: other.id }, headers }, 404)
  await visitor.call('listNotes', { headers }, 401)
  await visitor.call('getNote', { params: { id }, headers: { 'x-share-token': linkId(body.token) } }, 404)
  const listed = await service.as('ann').call('listNoteShares', { params: { id } }, 200)
  assert.equal(listed.body.items[0].token, undefined)
  assert.ok(!listed.raw.toString().includes(body.token))
  const rows = JSON.stringify(await service.sql`select * from kit.shares, kit.audit`)
  assert.ok(!rows.includes(body.token))
  // Two links of one note are two tokens.
  const second = await share(id, { subject_type: 'link', role: 'editor' }, 200)
  assert.notEqual(second.body.token, body.token)
  await visitor.call('updateNote', { params: { id }, headers, body: { title: 'B' } }, 403)
})

test('a share that has expired gives nothing, and can be renewed', async () => {
  const { id } = await create('ann')
  const at = (ms: number) => new Date(Date.now() + ms).toISOString()
  await share(id, { ...toBob('viewer'), expires_at: at(-1000) }, 200)
  await get('bob', id, 404)
  await share(id, { ...toBob('viewer'), expires_at: at(60_000) }, 200)
  await get('bob', id, 200)
  await service.sql`update kit.shares set expires_at = now() - interval '1 ms' where resource_id = ${id}`
  await get('bob', id, 404)
  const list = await service.as('bob').call('listNotes', {}, 200)
  assert.ok(!list.body.items.some((item: { id: string }) => item.id === id))
})

test('the strongest role wins, whichever share came first', async () => {
  const { id } = await create('ann')
  await share(id, toBob('manager'), 200)
  await share(id, { subject_type: 'group', subject_id: 'brokers', role: 'viewer' }, 200)
  await share(id, { subject_type: 'everyone', role: 'editor' }, 200)
  assert.ok((await get('bob', id, 200)).body.abilities.includes('share'))
  await service.sql`update kit.shares set expires_at = now() - interval '1 s' where subject_type = 'user' and resource_id = ${id}`
  assert.deepEqual((await get('bob', id, 200)).body.abilities, ['view', 'edit'])
})

test('a note inherits from its parent', async () => {
  const parent = await create('ann')
  const child = await create('ann', 'child', parent.id)
  await share(parent.id, toBob('viewer'), 200)
  await get('bob', child.id, 200)
  const list = await service.as('bob').call('listNotes', { query: { parent_id: parent.id } }, 200)
  assert.deepEqual(
    list.body.items.map((item: { id: string }) => item.id),
    [child.id],
  )
})

test('a handler that does not ask its policy, or asks for less, is refused and rolled back', async () => {
  const { id } = await create('ann')
  await share(id, toBob('viewer'), 200)
  for (const operation of ['forgetToAsk', 'askForLess']) {
    for (const who of ['ann', 'bob'] as const) {
      const answer = await service.as(who).call(operation, { params: { id } }, 500)
      assert.equal(answer.body.code, 'internal')
      assert.equal((await get('ann', id, 200)).body.title, 'A', operation)
    }
  }
  await service.as('stranger').call('forgetToAsk', { params: { id } }, 500)
  await service.as('stranger').call('askForLess', { params: { id } }, 404)
  assert.equal((await get('ann', id, 200)).body.title, 'A')
})

test('lists hold exactly what find allows', async () => {
  const people = ['ann', 'bob', 'stranger'] as const
  const groups = ['brokers', 'others']
  const subject = fc.oneof(
    fc.record({ type: fc.constant('user'), id: fc.constantFrom(...people.map((who) => personas[who].id)) }),
    fc.record({ type: fc.constant('group'), id: fc.constantFrom(...groups) }),
    fc.record({ type: fc.constant('everyone'), id: fc.constant('*') }),
    fc.record({ type: fc.constant('link'), id: fc.constantFrom('link-1', 'link-2') }),
  )
  const note = fc.record({
    owner: fc.constantFrom(...people),
    parent: fc.option(fc.nat({ max: 3 }), { nil: undefined }),
    shares: fc.array(
      fc.record({
        subject,
        role: fc.constantFrom('viewer', 'editor', 'manager'),
        expires: fc.constantFrom(null, '1 hour', '-1 hour'),
      }),
      { maxLength: 4 },
    ),
  })
  const principals: Principal[] = [
    ...people.map((who) => ({ kind: 'user' as const, ...personas[who], permissions: [], sid: 's' })),
    { kind: 'link', id: 'link-1' },
    { kind: 'service', id: 'service' },
    { kind: 'nobody' },
  ]
  await fc.assert(
    fc.asyncProperty(fc.array(note, { minLength: 1, maxLength: 6 }), async (world) => {
      await service.sql.begin(async (sql) => {
        await sql`delete from notes`
        await sql`delete from kit.shares`
        const ids = world.map(() => newId())
        for (const [i, { owner, parent, shares }] of world.entries()) {
          const above = parent !== undefined && parent < i ? (ids[parent] as string) : null
          await sql`insert into notes (id, owner_id, parent_id, title) values (${ids[i] as string}, ${personas[owner].id}, ${above}, 'x')`
          for (const {
            subject: { type, id },
            role,
            expires,
          } of shares)
            await sql`insert into kit.shares (id, resource_type, resource_id, subject_type, subject_id, role, created_by, expires_at)
              values (${newId()}, 'note', ${ids[i] as string}, ${type}, ${id}, ${role}, 'x', now() + ${expires}::interval)
              on conflict do nothing`
        }
        for (const principal of principals) {
          const listed = await sql<{ id: string }[]>`select n.id from notes n
            where ${visibleTo(sql, 'note', principal, { owner: sql`n.owner_id`, scope: sql`array[n.id, n.parent_id]` })}`
          const found: string[] = []
          for (const row of await sql`select * from notes`)
            if ((await abilitiesOf(sql, 'note', policy.note, principal, row)).includes('view'))
              found.push(row['id'])
          assert.deepEqual(
            listed.map((row) => row.id).toSorted(),
            found.toSorted(),
            JSON.stringify(principal),
          )
        }
      })
    }),
    { numRuns: 40 },
  )
})
