import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { newId, startService } from '@ait/kit'
import { until } from '@ait/testing'
import { counts } from './fixtures/counts/service.ts'
import { notes } from './fixtures/notes/service.ts'
import { deliveriesOf, startPair, type Pair, type Shape } from './fixtures/pair.ts'

for (const shape of ['together', 'apart'] as const) describe(`services ${shape}`, () => eventsOf(shape))

function eventsOf(shape: Shape): void {
  let pair: Pair
  before(async () => {
    pair = await startPair(shape)
  })
  after(() => pair.stop())
  const metric = async (name: string): Promise<number> => {
    const { payload } = await pair.notes.service.app.inject('/metrics')
    return Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(payload)?.[1])
  }
  const cloudEvent = (title: string) => ({
    specversion: '1.0',
    id: newId(),
    source: '/services/kitnotes',
    type: 'kitnotes.note.created.v1',
    subject: newId(),
    time: '2026-01-28T10:00:00.000Z',
    data: { id: newId(), title },
  })

  test('an event arrives after the commit, and leaves nothing behind', async () => {
    await pair.create('first')
    await pair.untilSeen(['first'])
    await until('the delivery to be gone', async () => (await deliveriesOf(pair.notes)).length === 0)
  })

  test('what was rolled back does not arrive', async () => {
    await pair.notes.as('ann').call('failLate', { body: { title: 'rolled back', how: 'throw' } }, 500)
    await pair.create('after the rollback')
    await pair.untilSeen(['after the rollback'])
    assert.ok(!(await pair.seen()).includes('rolled back'))
  })

  test('events arrive in the order in which they were made', async () => {
    const titles = Array.from({ length: 30 }, (_, i) => `in order ${i}`)
    for (const title of titles) await pair.create(title)
    await pair.untilSeen(titles)
    assert.deepEqual(
      (await pair.seen()).filter((title) => title.startsWith('in order')),
      titles,
    )
  })

  test('only the suite itself tells of events, not an outside service with a token of its own', async () => {
    pair.counts.authority.know('ait_outside', { kind: 'service', id: 'crm', scopes: ['*'] })
    const body = cloudEvent('made up')
    await pair.counts.with('ait_outside').call('receiveEvent', { body }, 403)
    assert.ok(!(await pair.seen()).includes('made up'))
  })

  test('a repeat does nothing, also at the same time', async () => {
    const body = cloudEvent('repeated')
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => pair.counts.asService().call('receiveEvent', { body })),
    )
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([204]))
    await pair.counts.asService().call('receiveEvent', { body }, 204)
    assert.equal((await pair.seen()).filter((title) => title === 'repeated').length, 1)
  })

  test('a handler that fails leaves neither its writes nor the receipt', async () => {
    const body = cloudEvent('fails once')
    pair.deps.poison.add('fails once')
    await pair.counts.asService().call('receiveEvent', { body }, 409)
    assert.ok(!(await pair.seen()).includes('fails once'))
    pair.deps.poison.delete('fails once')
    await pair.counts.asService().call('receiveEvent', { body }, 204)
    assert.ok((await pair.seen()).includes('fails once'))
  })

  test('only services may bring events, and only those that are subscribed to', async () => {
    const body = cloudEvent('x')
    await pair.counts.with(null).call('receiveEvent', { body }, 401)
    await pair.counts.as('admin').call('receiveEvent', { body }, 403)
    await pair.counts
      .asService()
      .call('receiveEvent', { body: { ...body, type: 'kitnotes.note.burnt.v1' } }, 422)
    for (const wrong of [{ id: 'x' }, { specversion: '0.3' }, { time: 'now' }, { subject: undefined }])
      await pair.counts.asService().call('receiveEvent', { body: { ...body, ...wrong } }, 422)
    const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' }
    const extended = JSON.stringify({ ...cloudEvent('with an extension'), traceparent: '00-x' })
    await pair.counts.asService().call('receiveEvent', { body: extended, headers }, 204)
  })

  test('a poison event becomes a dead letter that is seen, and lets the others pass; retried, it arrives', async () => {
    pair.deps.poison.add('poison')
    await pair.create('poison')
    await pair.create('behind the poison')
    await pair.untilSeen(['behind the poison'])
    const dead = await until('the dead letter', async () =>
      (await deliveriesOf(pair.notes)).find((each) => each.dead),
    )
    assert.deepEqual(
      { ...dead, event_id: '' },
      {
        title: 'poison',
        attempts: 4,
        refusals: 4,
        dead: true,
        last_error: 'answered 409',
        event_id: '',
        subscriber: 'kitcounts',
      },
    )
    assert.equal(await metric('event_dead_letters'), 1)
    assert.equal(await metric('event_outbox_pending'), 0)

    await pair.notes.as('ann').call('listDeadLetters', {}, 403)
    const letters = (await pair.notes.as('admin').call('listDeadLetters', {}, 200)).body.items
    assert.equal(letters.length, 1)
    assert.equal(letters[0].event_id, dead.event_id)
    assert.equal(letters[0].data.title, 'poison')
    assert.equal(letters[0].last_error, 'answered 409')

    pair.deps.poison.delete('poison')
    const retry = { params: { event_id: dead.event_id } }
    await pair.notes.as('ann').call('retryDeadLetter', retry, 403)
    await pair.notes.as('admin').call('retryDeadLetter', { params: { event_id: newId() } }, 404)
    await pair.notes.as('admin').call('retryDeadLetter', retry, 204)
    await pair.untilSeen(['poison'])
    await until('the dead letter to be gone', async () => (await deliveriesOf(pair.notes)).length === 0)
    assert.equal(await metric('event_dead_letters'), 0)
    await pair.notes.as('admin').call('retryDeadLetter', retry, 404)
    assert.equal((await pair.seen()).filter((title) => title === 'poison').length, 1)
  })

  test('a subscriber that was away gets everything, once and in order, when it is back', async () => {
    const { platform } = pair.counts.service.runtime
    const port = Number(
      new URL(pair.notes.service.runtime.platform.env['KITCOUNTS_URL'] ?? 'http://x:1').port,
    )
    await pair.counts.service.stop()
    const titles = Array.from({ length: 5 }, (_, i) => `while away ${i}`)
    for (const title of titles) await pair.create(title)
    // More often than an event may be refused: being away is no refusal.
    await until('some attempts', async () => ((await deliveriesOf(pair.notes))[0]?.attempts ?? 0) > 4)
    const waiting = await deliveriesOf(pair.notes)
    assert.deepEqual(
      waiting.map(({ title, dead, refusals }) => ({ title, dead, refusals })),
      titles.map((title) => ({ title, dead: false, refusals: 0 })),
    )
    assert.equal(waiting[0]?.last_error, 'not reachable')
    assert.equal(await metric('event_outbox_pending'), 5)
    assert.ok((await metric('event_outbox_lag_seconds')) > 0)
    const back = await startService(counts, platform)
    try {
      if (shape === 'together') pair.running.set('kitcounts', back)
      else await back.listen(port, '127.0.0.1')
      const seen = async () =>
        (await back.runtime.sql`select title from seen order by n`).map((row) => row['title'])
      await until('all of them', async () => {
        const found = await seen()
        return titles.every((title) => found.includes(title))
      })
      assert.deepEqual(
        (await seen()).filter((title) => title.startsWith('while away')),
        titles,
      )
    } finally {
      await back.stop()
    }
  })
}

describe('two replicas of the publisher', () => {
  test('share the work: each event is sent once, in order', async () => {
    const pair = await startPair('together')
    const second = await startService(notes, pair.notes.service.runtime.platform)
    try {
      const headers = { authorization: `Bearer ${await pair.notes.authority.tokenFor('ann')}` }
      const titles = Array.from({ length: 40 }, (_, i) => `replica ${i}`)
      for (const [i, title] of titles.entries()) {
        const { app } = i % 2 === 0 ? second : pair.notes.service
        const answer = await app.inject({
          method: 'POST',
          url: '/api/v1/kitnotes/notes',
          headers,
          payload: { title },
        })
        assert.equal(answer.statusCode, 201)
      }
      await pair.untilSeen(titles)
      assert.deepEqual(await pair.seen(), titles)
      const { payload } = await pair.counts.service.app.inject('/metrics')
      const sent =
        /^http_request_duration_seconds_count\{.*operation="receiveEvent".*status="204"\} (\d+)$/m.exec(
          payload,
        )
      assert.equal(sent?.[1], '40')
    } finally {
      await second.stop()
      await pair.stop()
    }
  })

  test('a lane whose replica died is taken over when its lease ends', async () => {
    const extra = [
      { name: 'kitnobody', title: '', port: 1, path: '', subscriptions: ['kitnotes.note.created.v1'] },
    ]
    const pair = await startPair('together', { extra })
    try {
      await pair.notes
        .sql`insert into kit.lanes (subscriber, leased_until) values ('kitcounts', now() + interval '1 hour')`
      await pair.create('left behind')
      // The other lane has been looked at, so this one was too.
      await until('a look', async () =>
        (await deliveriesOf(pair.notes)).some((each) => each.subscriber === 'kitnobody' && each.attempts > 1),
      )
      assert.deepEqual(await pair.seen(), [])
      await pair.notes.sql`update kit.lanes set leased_until = now() where subscriber = 'kitcounts'`
      await pair.untilSeen(['left behind'])
    } finally {
      await pair.stop()
    }
  })
})

describe('lanes', () => {
  test('a subscriber that takes long holds up no other', async () => {
    const pair = await startPair('together')
    const quick = { ...counts, name: 'kitquick' }
    try {
      pair.deps.slow.add('slow')
      await pair.create('slow')
      await pair.deps.arrived.promise
      const [event] = await pair.notes.sql`select id from kit.events`
      const second = await startService(quick, {
        ...pair.counts.service.runtime.platform,
        env: {
          ...pair.counts.service.runtime.platform.env,
          KITQUICK_DATABASE_URL: pair.counts.service.runtime.platform.env['KITCOUNTS_DATABASE_URL'],
        },
      })
      pair.running.set('kitquick', second)
      await pair.notes
        .sql`insert into kit.events (id, type, subject, data) values (${newId()}, 'kitnotes.note.created.v1', 's', '{"title": "quick"}')`
      await pair.notes
        .sql`insert into kit.deliveries (event_id, subscriber) select id, 'kitquick' from kit.events where id <> ${event?.['id']}`
      await pair.notes.sql`select pg_notify('kit_outbox', '')`
      await pair.untilSeen(['quick'])
      assert.deepEqual(await pair.seen(), ['quick'])
      pair.deps.gate.resolve()
      await pair.untilSeen(['slow'])
      await second.stop()
    } finally {
      pair.deps.gate.resolve()
      await pair.stop()
    }
  })

  test('a subscriber that does not know our token refuses nobody’s event for good', async () => {
    const env = { SERVICE_AUTH_TOKEN: 'another-service-token-0123456789abcdefghij' }
    const pair = await startPair('together', { counts: { env } })
    try {
      await pair.create('unknown token')
      const waiting = await until('many attempts', async () =>
        (await deliveriesOf(pair.notes)).find((each) => each.attempts > 5),
      )
      assert.equal(waiting.last_error, 'answered 401')
      assert.equal(waiting.dead, false)
    } finally {
      await pair.stop()
    }
  })
})
