import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { until } from '@ait/testing'
import postgres from 'postgres'
import { download, json, newPerson, signIn, upload } from '../support/people.ts'
import { startSuite, type Shape, type Suite } from '../support/suite.ts'

/** The same black-box tests against one process and against three. */
for (const shape of ['together', 'apart'] satisfies Shape[]) describe(shape, () => blackBox(shape))

function blackBox(shape: Shape): void {
  let suite: Suite
  let storage: postgres.Sql
  let auth: postgres.Sql
  before(async () => {
    suite = await startSuite(shape, { EVENT_MAX_ATTEMPTS: '3' })
    storage = postgres(suite.database('storage'), { max: 1 })
    auth = postgres(suite.database('auth'), { max: 1 })
  })
  after(async () => {
    await Promise.all([storage.end(), auth.end()])
    await suite.stop()
  })
  const api = (path: string): string => `${suite.url('gateway')}/api/v1${path}`

  test('what is uploaded through the gateway comes back byte for byte', async () => {
    const ann = await newPerson(suite, 'ann@example.com')
    const bytes = randomBytes(3_000_000)
    const uploaded = await upload(suite, ann, 'photo.bin', bytes)
    assert.equal(uploaded.status, 201, JSON.stringify(uploaded.body))
    assert.deepEqual(await download(suite, ann, uploaded.body.id), bytes)
  })

  test('text that is compressed on its way comes back the same, and in parts', async () => {
    const ann = await signIn(suite, 'ann@example.com')
    const text = Buffer.from(Array.from({ length: 60_000 }, (_, n) => `línea ${n}\n`).join(''))
    const { body } = await upload(suite, ann, 'lines.txt', text)
    assert.deepEqual(await download(suite, ann, body.id), text)
    const part = await fetch(api(`/storage/download/${body.id}`), {
      headers: { authorization: `Bearer ${ann.token}`, range: 'bytes=100000-199999' },
    })
    assert.equal(part.status, 206)
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), text.subarray(100_000, 200_000))
  })

  test('a stranger finds nothing', async () => {
    const ann = await signIn(suite, 'ann@example.com')
    const stranger = await newPerson(suite, 'stranger@example.com')
    const { body } = await upload(suite, ann, 'secret.txt', Buffer.from('secret'))
    const hidden = await json(api(`/storage/files/${body.id}/metadata`), { token: stranger.token })
    const missing = await json(api(`/storage/files/${ann.id}/metadata`), { token: stranger.token })
    assert.equal(hidden.status, 404)
    assert.deepEqual(hidden.body, missing.body)
    assert.equal((await json(api('/storage/files'))).status, 401)
  })

  test('an ended session stops working in every service within a second', async () => {
    const person = await newPerson(suite, 'leaving@example.com')
    const files = (): Promise<{ status: number }> =>
      json(`${suite.url('storage')}/api/v1/storage/files`, { token: person.token })
    assert.equal((await files()).status, 200)
    assert.equal((await json(api('/storage/files'), { token: person.token })).status, 200)
    const ended = await json(api('/auth/logout'), {
      method: 'POST',
      token: person.token,
      body: { refresh_token: person.refreshToken },
    })
    assert.ok(ended.status < 300, JSON.stringify(ended.body))
    const start = Date.now()
    await until('storage to refuse the token', async () => (await files()).status === 401, 1000)
    await until(
      'the gateway to refuse it',
      async () => (await json(api('/storage/files'), { token: person.token })).status === 401,
      1000,
    )
    assert.ok(Date.now() - start < 1000)
  })

  test('a registration reaches the subscriber, and a repeat does nothing', async () => {
    const person = await newPerson(suite, 'subscriber@example.com')
    await until('storage to know the person', async () => (await rowsOf(person.id)) === 1)
    const [event] =
      await auth`select id, type, subject, data, time from kit.events where subject = ${person.id} and type = 'auth.user.registered.v1'`
    const repeat = await json(`${suite.url('storage')}/internal/events`, {
      token: suite.serviceToken,
      body: { specversion: '1.0', source: '/services/auth', ...event },
    })
    assert.equal(repeat.status, 204)
    assert.equal(await rowsOf(person.id), 1)
  })
  const rowsOf = async (id: string): Promise<number> =>
    (await storage`select 1 from quotas where user_id = ${id}`).length

  test('a poison event ends as a visible dead letter, and can be sent again', async () => {
    const id = '01900000-0000-7000-8000-0000000dead1'
    const data = { id: 'not-a-uuid' }
    await auth`insert into kit.events (id, type, subject, data) values (${id}, 'auth.user.registered.v1', 'x', ${auth.json(data)})`
    await auth`insert into kit.deliveries (event_id, subscriber) values (${id}, 'storage')`
    await auth`select pg_notify('kit_outbox', '')`
    await until(
      'the event to be dead',
      async () =>
        (await auth`select 1 from kit.deliveries where event_id = ${id} and dead_at is not null`).length ===
        1,
    )
    const admin = await makeAdmin()
    const letters = await json(api('/auth/events/dead-letters'), { token: admin.token })
    assert.deepEqual(
      letters.body.items.map((letter: { event_id: string }) => letter.event_id),
      [id],
    )
    const metrics = await (await fetch(`${suite.url('auth')}/metrics`)).text()
    assert.match(metrics, /^event_dead_letters\{[^}]*\} 1$/m)
    const retried = await json(api(`/auth/events/dead-letters/${id}/retry`), {
      method: 'POST',
      token: admin.token,
    })
    assert.equal(retried.status, 204)
  })
  const makeAdmin = async () => {
    await newPerson(suite, 'boss@example.com')
    await auth`update users set role = 'admin' where email = 'boss@example.com'`
    return signIn(suite, 'boss@example.com')
  }

  if (shape === 'apart') {
    test('a subscriber that was down gets the event after it is back', async () => {
      await suite.kill('storage')
      const person = await newPerson(suite, 'meanwhile@example.com')
      await until('a delivery to have been tried', async () => {
        const tried = await auth`select 1 from kit.deliveries where last_error = 'not reachable'`
        return tried.length > 0
      })
      await suite.start('storage')
      await until('storage to know the person', async () => (await rowsOf(person.id)) === 1, 70_000)
    })
  }
}
