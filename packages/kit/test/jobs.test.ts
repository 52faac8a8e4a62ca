import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openPool, type Pool } from '@ait/kit'
import { startTestService, until, type TestService } from '@ait/testing'
import { startChild, type Child } from './child.ts'
import { newDeps, notes, type Deps } from './fixtures/notes/service.ts'

let service: TestService
before(async () => {
  service = await startTestService(notes)
})
after(() => service.stop())

const deps = (): Deps => service.service.deps
const enqueue = (job: string, body: object, expected = 204) =>
  service.as('ann').call('runJob', { params: { job }, body }, expected)
const doneJobs = async (job: string): Promise<any[]> =>
  (await service.sql`select data from done_jobs where job = ${job} order by at`).map((row) => row['data'])
const countOf = async (job: string, n: number): Promise<number> =>
  (await doneJobs(job)).filter((data) => data.n === n).length
const done = (job: string, n: number, count = 1) =>
  until(`job ${n}`, async () => (await countOf(job, n)) === count)
const jobsOf = (n: number) =>
  service.sql`select state, retry_count from jobs.job where data->>'n' = ${String(n)}`

test('a job runs once the transaction commits', async () => {
  await enqueue('note-job', { n: 1 })
  await done('note-job', 1)
  assert.equal(deps().runs.get(1), 1)
})

test('a job whose request fails is never there', async () => {
  await enqueue('note-job', { n: 2, fail: true }, 409)
  await enqueue('note-job', { n: 3 })
  await done('note-job', 3)
  assert.equal(deps().runs.get(2), undefined)
  assert.equal((await jobsOf(2)).length, 0)
})

test('many jobs each run once', async () => {
  const numbers = Array.from({ length: 60 }, (_, i) => 1000 + i)
  await Promise.all(numbers.map((n) => enqueue('note-job', { n })))
  await until(
    'all of them',
    async () => (await doneJobs('note-job')).filter((data) => data.n >= 1000).length === 60,
  )
  for (const n of numbers) assert.equal(deps().runs.get(n), 1)
})

test('a job that fails is tried again, later each time, and a neighbour is not run twice', async () => {
  deps().failing.add(4)
  await service.service.runtime.write(async (unit) => {
    await unit.enqueue('note-job', { n: 4 })
    await unit.enqueue('note-job', { n: 5 })
  })
  await done('note-job', 5)
  await until('a first attempt', () => deps().runs.get(4) === 1)
  deps().failing.delete(4)
  await done('note-job', 4)
  assert.equal(deps().runs.get(4), 2)
  assert.equal(deps().runs.get(5), 1)
})

test('a job that fails for good says so, and is counted', async () => {
  deps().failing.add(6)
  await enqueue('note-job', { n: 6 })
  // `retryLimit: 1` gives two runs; the wait between them is not the matter here.
  for (const runs of [1, 2]) {
    await until(
      `run ${runs}`,
      async () => {
        await service.sql`update jobs.job set start_after = now() where data->>'n' = '6' and state = 'retry'`
        return (deps().runs.get(6) ?? 0) >= runs
      },
      40_000,
    )
  }
  await until('the failure', async () => (await jobsOf(6))[0]?.['state'] === 'failed')
  assert.equal(deps().runs.get(6), 2)
})

test('while a job with a key waits or runs, another one is not added; afterwards it is', async () => {
  Object.assign(deps(), newDeps())
  await enqueue('gate-job', { n: 10, key: 'only-one' })
  await deps().arrived.promise
  await enqueue('gate-job', { n: 11, key: 'only-one' })
  await Promise.all([12, 13].map((n) => enqueue('gate-job', { n, key: 'only-one' })))
  await enqueue('gate-job', { n: 14, key: 'another' })
  await enqueue('gate-job', { n: 15 })
  await enqueue('gate-job', { n: 16 })
  const waiting =
    await service.sql`select data->'n' as n from jobs.job where name = 'gate-job' and state <= 'active' order by 1`
  assert.deepEqual(
    waiting.map((row) => row['n']),
    [10, 14, 15, 16],
  )
  deps().gate.resolve()
  for (const n of [10, 14, 15, 16]) await done('gate-job', n)
  await until('the job to be settled', async () => (await jobsOf(10))[0]?.['state'] === 'completed')
  await enqueue('gate-job', { n: 17, key: 'only-one' })
  await done('gate-job', 17)
})

test('schedules are kept with the queue, and go when the job has none any more', async () => {
  const schedules = async () =>
    (await service.sql`select name, cron, timezone from jobs.schedule order by name`).map((row) => ({
      ...row,
    }))
  assert.deepEqual(await schedules(), [
    { name: 'every-minute', cron: '* * * * *', timezone: 'UTC' },
    { name: 'kit-cleanup', cron: '17 * * * *', timezone: 'UTC' },
  ])
})

test('metrics show the depth of each queue', async () => {
  const { payload } = await service.service.app.inject('/metrics')
  for (const queue of ['note-job', 'gate-job', 'every-minute', 'kit-cleanup'])
    for (const name of ['job_queue_depth', 'job_failed'])
      assert.ok(new RegExp(`^${name}\\{.*queue="${queue}".*\\} \\d+$`, 'm').test(payload), `${name} ${queue}`)
})

test('a stop waits for the job that runs', async () => {
  const own = await startTestService(notes)
  const look = poolOf(own)
  try {
    const { gate, arrived } = own.service.deps as Deps
    await own.as('ann').call('runJob', { params: { job: 'gate-job' }, body: { n: 20 } }, 204)
    await arrived.promise
    const stopping = own.service.stop()
    gate.resolve()
    await stopping
    assert.equal((await look`select 1 from done_jobs where data->>'n' = '20'`).length, 1)
    assert.equal((await look`select state from jobs.job where data->>'n' = '20'`)[0]?.['state'], 'completed')
  } finally {
    await look.end()
    await own.stop()
  }
})

test('a worker that is killed gives its job back within 15 seconds', { timeout: 60_000 }, async () => {
  const own = await startTestService(notes)
  const look = poolOf(own)
  const children: Child[] = []
  const start = (extra: Record<string, string> = {}): Child => {
    const child = startChild(own, extra)
    children.push(child)
    return child
  }
  await own.service.stop()
  try {
    const first = start({ RUN_JOB: '30' })
    await first.says('arrived')
    first.process.kill('SIGKILL')
    assert.equal(await first.ended, 'SIGKILL')
    const killedAt = Date.now()
    const second = start({ OPEN_GATE_ON_STOP: '1' })
    await second.says('arrived')
    const seconds = (Date.now() - killedAt) / 1000
    assert.ok(seconds < 20, `took ${seconds} s`)
    second.process.kill('SIGTERM')
    assert.equal(await second.ended, 0)
    assert.equal((await look`select 1 from done_jobs where data->>'n' = '30'`).length, 1)
  } finally {
    for (const child of children) child.process.kill('SIGKILL')
    await look.end()
    await own.stop()
  }
})

const poolOf = ({ service: { runtime } }: TestService): Pool =>
  openPool(runtime.platform.env['KITNOTES_DATABASE_URL'] as string, 1, 'look')
