import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { Operation, ServiceManifest } from '@ait/kit'
import { startTestService, type Answer, type CallOptions, type Caller, type TestService } from '@ait/testing'
import { loadManifests } from '../../scripts/manifests.ts'

/** Every operation of every service × everybody who may not call it. */
for (const manifest of await loadManifests()) describe(manifest.name, () => strangersOf(manifest))

function strangersOf(manifest: ServiceManifest): void {
  let service: TestService
  before(async () => {
    service = await startTestService(manifest)
  })
  after(() => service.stop())

  test('nobody gets in without a valid token', async () => {
    for (const [name, operation] of closed(service)) {
      for (const [who, caller] of await intruders(service)) {
        await leavesNothing(service, async () => {
          const answer = await caller.call(name, exampleOf(operation))
          assert.equal(answer.status, 401, `${name} answers ${answer.status} to ${who}: ${answer.raw}`)
          assert.match(String(answer.headers['content-type']), /problem\+json/, name)
        })
      }
    }
  })

  test('a signed-in stranger gets no further than their role', async () => {
    const stranger = service.as('stranger')
    for (const [name, operation] of closed(service)) {
      const { allow } = operation.spec
      if (allow === 'user') continue
      await leavesNothing(service, async () => {
        const answer = await stranger.call(name, exampleOf(operation))
        assertRefused(name, allow, answer)
      })
    }
  })
}

const closed = (service: TestService): [string, Operation][] =>
  Object.entries(service.service.manifest.contract.operations).filter(
    ([, { spec }]) => spec.allow !== 'public',
  )

async function intruders({ authority, with: withToken, as }: TestService): Promise<[string, Caller][]> {
  const now = Math.floor(Date.now() / 1000)
  const sid = randomUUID()
  const revoked = await authority.tokenFor('admin', { sid })
  authority.revoke(sid)
  return [
    ['nobody', withToken(null)],
    ['a malformed token', withToken('not.a.token')],
    ['a forged token', withToken(await authority.forgedFor('admin'))],
    ['an expired token', as('admin', { iat: now - 1000, exp: now - 100 })],
    ['a token for somebody else', as('admin', { aud: 'other' })],
    ['a token of another issuer', as('admin', { iss: 'https://evil.example' })],
    ['a token whose session has ended', withToken(revoked)],
  ]
}

/** What is closed by role says 403; what hangs on a resource looks like what does not exist. */
function assertRefused(name: string, allow: string, answer: Answer): void {
  const expected = allow === 'admin' || allow === 'service' || allow.startsWith('permission:') ? 403 : 404
  assert.equal(answer.status, expected, `${name} (${allow}) answers ${answer.status}: ${answer.raw}`)
  if (expected === 404) assert.equal(answer.body.detail, 'Not found', name)
}

/** The example of the contract, with ids of resources that do not exist. */
function exampleOf({ spec }: Operation): CallOptions {
  const { params, query, body } = spec.example
  return {
    ...(params && { params: params as Record<string, string> }),
    ...(query && { query }),
    ...(spec.consumes
      ? { body: Buffer.alloc(0), headers: { 'content-type': mediaOf(spec.consumes) } }
      : { body }),
  }
}

const mediaOf = (consumes: string): string =>
  consumes === 'multipart/form-data'
    ? 'multipart/form-data; boundary=x'
    : consumes === '*/*'
      ? 'application/octet-stream'
      : consumes

/** No event, no audit row, no job comes of a refused call. */
async function leavesNothing({ service }: TestService, work: () => Promise<void>): Promise<void> {
  if (service.manifest.database === null) return work()
  const { sql } = service.runtime
  const count = async () =>
    (await sql`select (select count(*) from kit.events) + (select count(*) from kit.idempotency) as n`)[0]?.[
      'n'
    ]
  const before = await count()
  await work()
  assert.equal(await count(), before)
}
