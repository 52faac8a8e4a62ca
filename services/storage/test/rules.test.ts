import assert from 'node:assert/strict'
import { test } from 'node:test'

import { deliveryHeaders } from '../domain/delivery.ts'
import { afterFailure, FAILURES_MAX, linkVerdict, lockedFor } from '../domain/links.ts'
import type { LinkState } from '../domain/links.ts'
import { createSigner, expiresAt, PRESIGN_SECONDS_MAX } from '../domain/presign.ts'
import { freeBytes, uploadLimit } from '../domain/quota.ts'
import { lastForgotten, purgeTime, trashCutoff } from '../domain/retention.ts'
import { mayLeave } from '../domain/scan.ts'
import { sniffType } from '../domain/sniff.ts'

const now = new Date('2026-01-28T10:00:00Z')

test('a type is told by the bytes, whatever the name says', async () => {
  const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('<html><script>', 'utf16le')])
  const cases: [Buffer | string, string, string][] = [
    ['%PDF-1.7\n', 'document.pdf', 'application/pdf'],
    [png, 'picture.txt', 'image/png'],
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'icon.png', 'image/svg+xml'],
    [
      '<?xml version="1.0"?>\n<!-- x -->\n<svg:svg xmlns:svg="http://www.w3.org/2000/svg">',
      'a.xml',
      'image/svg+xml',
    ],
    ['\ufeff \n<!DOCTYPE html><p>', 'page.jpg', 'text/html'],
    ['<script>alert(1)</script>', 'note.txt', 'text/html'],
    ['<!-- --><b>', 'note.txt', 'text/html'],
    ['<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">', 'a.txt', 'application/xhtml+xml'],
    ['<?xml version="1.0"?><a/>', 'a.txt', 'application/xml'],
    ['<x onclick="">', 'a.txt', 'application/xml'],
    [utf16, 'a.txt', 'text/html'],
    ['hello', 'a.txt', 'text/plain'],
    ['a < b', 'a.txt', 'text/plain'],
    ['a,b\n', 'list.csv', 'text/csv'],
    ['{}', 'data.JSON', 'application/json'],
    ['hello', 'fake.png', 'text/plain'],
    [Buffer.from([1, 2, 3]), 'data.csv', 'application/octet-stream'],
    ['', 'empty', 'text/plain'],
  ]
  for (const [content, name, expected] of cases)
    assert.equal(await sniffType(Buffer.from(content), name), expected, `${name}: ${content}`)
})

const sent = (contentType: string, wanted: 'inline' | 'attachment' = 'inline') =>
  deliveryHeaders({ name: 'a', contentType }, wanted)

test('only what cannot run is ever shown; the rest is saved', () => {
  for (const safe of ['image/png', 'application/pdf', 'text/plain', 'video/mp4'])
    assert.match(sent(safe)['content-disposition'] ?? '', /^inline/)
  for (const unsafe of [
    'text/html',
    'image/svg+xml',
    'application/xml',
    'application/xhtml+xml',
    'text/javascript',
    'application/octet-stream',
  ])
    assert.match(sent(unsafe)['content-disposition'] ?? '', /^attachment/)
  assert.match(sent('image/png', 'attachment')['content-disposition'] ?? '', /^attachment/)
  assert.equal(sent('text/html')['x-content-type-options'], 'nosniff')
  assert.match(sent('text/html')['content-security-policy'] ?? '', /default-src 'none'.*; sandbox$/)
})

test('the smaller of quota and file limit ends an upload', () => {
  assert.equal(freeBytes({ quota_bytes: 10, used_bytes: 4 }), 6)
  assert.equal(freeBytes({ quota_bytes: 3, used_bytes: 4 }), 0)
  assert.deepEqual(uploadLimit({ quota_bytes: 10, used_bytes: 4 }, 100), { maxBytes: 6, by: 'quota' })
  assert.deepEqual(uploadLimit({ quota_bytes: 1000, used_bytes: 4 }, 100), { maxBytes: 100, by: 'file' })
})

test('a link opens until it expires, is used up, or was guessed at too often', () => {
  const link: LinkState = {
    expires_at: null,
    downloads_max: null,
    downloads: 7,
    failures: 0,
    locked_until: null,
  }
  assert.equal(linkVerdict(link, now), 'open')
  assert.equal(linkVerdict({ ...link, expires_at: '2026-01-28T10:00:00.000Z' }, now), 'expired')
  assert.equal(linkVerdict({ ...link, expires_at: '2026-01-28T10:00:00.001Z' }, now), 'open')
  assert.equal(linkVerdict({ ...link, downloads_max: 7 }, now), 'used_up')
  assert.equal(linkVerdict({ ...link, downloads_max: 8 }, now), 'open')
  let guessed = link
  for (let n = 1; n < FAILURES_MAX; n++) guessed = { ...guessed, ...afterFailure(guessed, now) }
  assert.equal(linkVerdict(guessed, now), 'open')
  guessed = { ...guessed, ...afterFailure(guessed, now) }
  assert.equal(linkVerdict(guessed, now), 'locked')
  assert.equal(lockedFor(guessed, now), 60_000)
  assert.equal(linkVerdict(guessed, new Date(now.getTime() + 60_000)), 'open')
})

test('a presigned grant holds for its method, its time and its installation, and for nothing changed', () => {
  const signer = createSigner('one secret of thirty-two characters')
  const expires = expiresAt(now, 60)
  const by = { kind: 'user', id: 'ann', groups: [] }
  const token = signer.sign({ method: 'GET', by, file: 'f', revision: 1, expires })
  assert.equal(signer.verify('GET', token, now)?.file, 'f')
  assert.equal(signer.verify('PUT', token, now), null)
  assert.equal(signer.verify('GET', token, new Date(expires * 1000)), null)
  assert.equal(createSigner('another secret of thirty-two chars').verify('GET', token, now), null)
  // Four last characters decode to the same bytes: only the one that was signed is right.
  for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
    if (!token.endsWith(last)) assert.equal(signer.verify('GET', token.slice(0, -1) + last, now), null, last)
  const [text, mac] = token.split('.')
  const forged = Buffer.from(
    JSON.stringify({ method: 'GET', by, file: 'other', revision: 1, expires }),
  ).toString('base64url')
  assert.equal(signer.verify('GET', `${forged}.${mac}`, now), null)
  for (const bad of ['', '.', 'x', `${text}.`, `${text}.${mac}x`])
    assert.equal(signer.verify('GET', bad, now), null, bad)
  assert.equal(
    expiresAt(now, 10 * PRESIGN_SECONDS_MAX),
    Math.floor(now.getTime() / 1000) + PRESIGN_SECONDS_MAX,
  )
})

test('trash, versions and scans', () => {
  assert.equal(trashCutoff(now, 30).toISOString(), '2025-12-29T10:00:00.000Z')
  assert.equal(purgeTime('2026-01-28T10:00:00.000Z', 30), '2026-02-27T10:00:00.000Z')
  assert.equal(lastForgotten(21, 20), 1)
  assert.deepEqual((['unscanned', 'pending', 'clean', 'infected'] as const).map(mayLeave), [
    true,
    false,
    true,
    false,
  ])
})
