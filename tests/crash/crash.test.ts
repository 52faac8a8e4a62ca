import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { until } from '@ait/testing'
import postgres from 'postgres'
import { download, json, newPerson, password, signIn, upload, type Person } from '../support/people.ts'
import { startSuite, type Suite } from '../support/suite.ts'

let suite: Suite
before(async () => {
  suite = await startSuite('together')
})
after(() => suite.stop())

interface Acknowledged {
  people: string[]
  files: Map<string, string>
}

/** Registers and uploads as fast as it goes, until the process is gone; remembers what was acknowledged. */
async function load(person: Person, round: number, known: Acknowledged, stop: AbortSignal): Promise<void> {
  const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
  const uploads = async (worker: number): Promise<void> => {
    for (let n = 0; !stop.aborted; n++) {
      const bytes = randomBytes(50_000 + Math.floor(Math.random() * 500_000))
      const { status, body } = await upload(suite, person, `r${round}-w${worker}-${n}.bin`, bytes)
      if (status === 201) known.files.set(body.id, sha256(bytes))
    }
  }
  const registrations = async (worker: number): Promise<void> => {
    for (let n = 0; !stop.aborted; n++) {
      const email = `r${round}-w${worker}-${n}@example.com`
      const body = { email, password, full_name: 'Crash Test' }
      const { status } = await json(`${suite.url('gateway')}/api/v1/auth/register`, { body })
      if (status === 201) known.people.push(email)
    }
  }
  const quietly = (work: Promise<void>): Promise<void> => work.catch(() => {})
  await Promise.all([1, 2, 3].flatMap((worker) => [quietly(uploads(worker)), quietly(registrations(worker))]))
}

test('kill -9 under uploads and registrations loses nothing that was acknowledged', async (t) => {
  const known: Acknowledged = { people: [], files: new Map() }
  await newPerson(suite, 'crash@example.com')
  for (let round = 1; round <= 3; round++) {
    const person = await signIn(suite, 'crash@example.com')
    const stopped = new AbortController()
    const working = load(person, round, known, stopped.signal)
    // Late enough to be in the middle of many things.
    await until(
      'some of it to be acknowledged',
      () => known.files.size >= round * 20 && known.people.length >= round * 10,
    )
    await suite.kill()
    stopped.abort()
    await working
    await suite.start()
  }
  t.diagnostic(`${known.people.length} registrations and ${known.files.size} uploads were acknowledged`)
  assert.ok(known.people.length > 0 && known.files.size > 0, 'the load reached the suite')
  await everyFileIsThere(await signIn(suite, 'crash@example.com'), known)
  await everyPersonIsThere(known)
})

async function everyFileIsThere(person: Person, { files }: Acknowledged): Promise<void> {
  for (const [id, sha256] of files) {
    const bytes = await download(suite, person, id)
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256)
  }
}

/** Each person is there, and so is their registration's event: delivered, or waiting to be. */
async function everyPersonIsThere({ people }: Acknowledged): Promise<void> {
  const auth = postgres(suite.database('auth'), { max: 1 })
  const rows = await auth`
    select u.email from users u join kit.events e on e.subject = u.id::text and e.type = 'auth.user.registered.v1'
    where u.email = any(${people})`
  await auth.end()
  assert.deepEqual(rows.map((row) => row['email'] as string).toSorted(), people.toSorted())
}

test('SIGTERM ends it cleanly', async () => {
  assert.equal(await suite.halt(), 0)
  await suite.start()
})
