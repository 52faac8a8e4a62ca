import assert from 'node:assert/strict'
import { test } from 'node:test'

import { evaluateConditions, rangeApplies } from '../domain/conditions.ts'
import { readRange } from '../domain/ranges.ts'

test('ranges of RFC 9110 §14.1.2, for 10000 bytes', () => {
  const cases: [string | undefined, ReturnType<typeof readRange>][] = [
    [undefined, 'all'],
    ['bytes=0-499', { start: 0, end: 499 }],
    ['bytes=500-999', { start: 500, end: 999 }],
    ['bytes=-500', { start: 9500, end: 9999 }],
    ['bytes=9500-', { start: 9500, end: 9999 }],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=9999-20000', { start: 9999, end: 9999 }],
    ['bytes=-20000', { start: 0, end: 9999 }],
    ['bytes= 500-600, 601-999', { start: 500, end: 999 }],
    ['bytes=500-700,601-999', { start: 500, end: 999 }],
    ['bytes=0-0,-1', 'all'],
    ['bytes=20000-, 1-2', { start: 1, end: 2 }],
    ['bytes=10000-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-4', 'all'],
    ['bytes=-', 'all'],
    ['bytes=a-b', 'all'],
    ['items=0-1', 'all'],
    ['bytes=0-1,'.repeat(20), 'all'],
  ]
  for (const [header, expected] of cases)
    assert.deepEqual(readRange(header, 10_000), expected, header ?? 'no header')
})

test('no range of an empty content can be satisfied', () => {
  assert.equal(readRange('bytes=0-', 0), 'unsatisfiable')
  assert.equal(readRange('bytes=-5', 0), 'unsatisfiable')
})

const current = { etag: '"abc"', lastModified: new Date('2026-01-28T10:00:00.700Z') }
const same = 'Wed, 28 Jan 2026 10:00:00 GMT'
const earlier = 'Wed, 28 Jan 2026 09:59:59 GMT'

test('preconditions in the order of RFC 9110 §13.2.2', () => {
  const cases: [Parameters<typeof evaluateConditions>[0], ReturnType<typeof evaluateConditions>][] = [
    [{}, 'proceed'],
    [{ 'if-none-match': '"abc"' }, 'not_modified'],
    [{ 'if-none-match': 'W/"abc"' }, 'not_modified'],
    [{ 'if-none-match': '"x", "abc"' }, 'not_modified'],
    [{ 'if-none-match': '*' }, 'not_modified'],
    [{ 'if-none-match': '"x"' }, 'proceed'],
    [{ 'if-match': '"abc"' }, 'proceed'],
    [{ 'if-match': 'W/"abc"' }, 'failed'],
    [{ 'if-match': '"x"' }, 'failed'],
    [{ 'if-match': '*' }, 'proceed'],
    [{ 'if-modified-since': same }, 'not_modified'],
    [{ 'if-modified-since': earlier }, 'proceed'],
    [{ 'if-modified-since': 'yesterday' }, 'proceed'],
    [{ 'if-unmodified-since': same }, 'proceed'],
    [{ 'if-unmodified-since': earlier }, 'failed'],
    // An entity tag is asked before a date, and If-Match before If-None-Match.
    [{ 'if-none-match': '"x"', 'if-modified-since': same }, 'proceed'],
    [{ 'if-match': '"abc"', 'if-unmodified-since': earlier }, 'proceed'],
    [{ 'if-match': '"x"', 'if-none-match': '"abc"' }, 'failed'],
  ]
  for (const [headers, expected] of cases)
    assert.equal(evaluateConditions(headers, current), expected, JSON.stringify(headers))
})

test('If-Range lets a range through only for what we have', () => {
  assert.equal(rangeApplies(undefined, current), true)
  assert.equal(rangeApplies('"abc"', current), true)
  assert.equal(rangeApplies('W/"abc"', current), false)
  assert.equal(rangeApplies('"x"', current), false)
  assert.equal(rangeApplies(same, current), true)
  assert.equal(rangeApplies(earlier, current), false)
  assert.equal(rangeApplies('nonsense', current), false)
})
