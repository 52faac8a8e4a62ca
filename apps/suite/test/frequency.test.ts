import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countWithin } from '../src/frequency.ts'

test('what happened longer ago than the period does not count any more', () => {
  let now = 0
  const count = countWithin(1000, () => now)
  const at = (ms: number): number => {
    now = ms
    return count()
  }
  assert.deepEqual([at(0), at(500), at(999), at(1000), at(1600), at(10_000)], [1, 2, 3, 3, 3, 1])
})
