import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'

import { createClamd } from '../antivirus/clamd.ts'
import { EICAR, startFakeClamd } from './support/clamd.ts'

test('asks clamd by its own protocol', async (t) => {
  const clamd = await startFakeClamd()
  t.after(() => clamd.stop())
  const scanner = createClamd({ host: '127.0.0.1', port: clamd.port })
  const chunks = Array.from({ length: 50 }, () => Buffer.alloc(10_000, 1))
  assert.deepEqual(await scanner.scan(Readable.from(chunks)), { infected: false })
  assert.deepEqual(await scanner.scan(Readable.from([])), { infected: false })
  const split = [EICAR.slice(0, 30), EICAR.slice(30)].map((part) => Buffer.from(part))
  assert.deepEqual(await scanner.scan(Readable.from(split)), {
    infected: true,
    signature: 'Win.Test.EICAR_HDB-1',
  })
})

test('what clamd will not look at is an error, not a clean file', async (t) => {
  const clamd = await startFakeClamd({ limitBytes: 1000 })
  t.after(() => clamd.stop())
  const scanner = createClamd({ host: '127.0.0.1', port: clamd.port })
  const large = Readable.from(Array.from({ length: 500 }, () => Buffer.alloc(65_536, 1)))
  await assert.rejects(scanner.scan(large), /size limit exceeded|ECONNRESET|EPIPE/)
})

test('a scanner that is not there is an error', async () => {
  const clamd = await startFakeClamd()
  await clamd.stop()
  await assert.rejects(
    createClamd({ host: '127.0.0.1', port: clamd.port }).scan(Readable.from([])),
    /ECONNREFUSED/,
  )
})
