import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  chooseOfTwo,
  createBreaker,
  createRetryBudget,
  newOutlierState,
  outlierRules,
  recordOutcome,
} from '../domain/resilience.ts'
import { createWindowCounter } from '../domain/window-counter.ts'

test('of two random targets the less busy one is chosen', () => {
  const targets = [{ inFlight: 5 }, { inFlight: 1 }, { inFlight: 9 }] as const
  const draws =
    (...values: number[]) =>
    () =>
      values.shift() as number
  assert.equal(chooseOfTwo(targets, draws(0, 0)), targets[1])
  assert.equal(chooseOfTwo(targets, draws(0.99, 0)), targets[0])
  assert.equal(chooseOfTwo(targets, draws(0.99, 0.99)), targets[1])
  assert.equal(chooseOfTwo([targets[2]]), targets[2])
  assert.equal(chooseOfTwo([]), undefined)
})

test('both choices differ, and every target can be chosen', () => {
  const targets = Array.from({ length: 4 }, () => ({ inFlight: 0 }))
  const seen = new Set()
  for (let a = 0; a < 4; a++)
    for (let b = 0; b < 3; b++) {
      const values = [a / 4, b / 3]
      seen.add(chooseOfTwo(targets, () => values.shift() as number))
    }
  assert.equal(seen.size, 4)
})

test('a target that fails five times in a row is left out, longer each time', () => {
  const state = newOutlierState()
  const peers = { total: 3, ejected: 0 }
  const fail = (now: number) => recordOutcome(state, false, now, peers)
  for (let i = 0; i < 4; i++) assert.equal(fail(0), false)
  recordOutcome(state, true, 0, peers)
  for (let i = 0; i < 4; i++) assert.equal(fail(0), false)
  assert.equal(fail(0), true)
  assert.equal(state.ejectedUntil, outlierRules.baseEjectionMs)
  for (let i = 0; i < 4; i++) fail(6000)
  assert.equal(fail(6000), true)
  assert.equal(state.ejectedUntil, 6000 + 2 * outlierRules.baseEjectionMs)
})

test('no more than half of the targets are left out, and a single one never', () => {
  const failing = (peers: { total: number; ejected: number }) => {
    const state = newOutlierState()
    return Array.from({ length: 20 }, () => recordOutcome(state, false, 0, peers)).includes(true)
  }
  assert.equal(failing({ total: 1, ejected: 0 }), false)
  assert.equal(failing({ total: 2, ejected: 0 }), true)
  assert.equal(failing({ total: 2, ejected: 1 }), false)
  assert.equal(failing({ total: 4, ejected: 1 }), true)
  assert.equal(failing({ total: 4, ejected: 2 }), false)
})

test('the breaker opens, lets one request try, and closes when it succeeds', () => {
  const breaker = createBreaker({ failures: 3, pauseMs: 1000, maxPauseMs: 4000 })
  for (let i = 0; i < 3; i++) {
    assert.equal(breaker.allows(0), true)
    breaker.failed(0)
  }
  assert.equal(breaker.state(1), 'open')
  assert.equal(breaker.allows(999), false)
  assert.equal(breaker.retryAfterMs(400), 600)
  assert.equal(breaker.allows(1000), true)
  assert.equal(breaker.allows(1001), false, 'only one tries')
  breaker.failed(1002)
  assert.equal(breaker.allows(3001), false, 'the second pause is twice as long')
  assert.equal(breaker.allows(3002), true)
  breaker.succeeded()
  assert.equal(breaker.state(3003), 'closed')
  assert.equal(breaker.allows(3003), true)
})

test('retries are a fifth of the requests, beside a few per second', () => {
  const budget = createRetryBudget({ share: 0.2, minPerSecond: 2, max: 10 })
  const spent = (now: number, tries: number) =>
    Array.from({ length: tries }, () => budget.spend(now)).filter(Boolean).length
  assert.equal(spent(0, 10), 2)
  for (let i = 0; i < 10; i++) budget.earn()
  assert.equal(spent(500, 10), 2)
  for (let i = 0; i < 1000; i++) budget.earn()
  assert.equal(spent(1000, 100), 12)
})

test('a window counts down, refuses, and slides', () => {
  const counter = createWindowCounter({ limit: 10, windowSeconds: 60 })
  const start = 60_000 * 1000
  const told = { limit: 10, policy: '10;w=60' }
  for (let i = 9; i >= 0; i--)
    assert.deepEqual(counter.take('a', start), { ...told, allowed: true, remaining: i, resetSeconds: 60 })
  assert.deepEqual(counter.take('a', start + 15_000), {
    allowed: false,
    limit: 10,
    remaining: 0,
    resetSeconds: 45,
    policy: '10;w=60',
  })
  assert.equal(counter.take('b', start).allowed, true, 'keys are apart')
  // Half into the next window, half of what was used before still counts.
  assert.equal(counter.take('a', start + 90_000).remaining, 4)
  assert.equal(counter.take('a', start + 240_000).remaining, 9)
})

test('replicas learn from each other what was counted', () => {
  const rule = { limit: 5, windowSeconds: 60 }
  const here = createWindowCounter(rule)
  const now = 60_000 * 1000
  for (let i = 0; i < 3; i++) here.take('a', now)
  const told = here.drain()
  assert.deepEqual(told.counts, [['a', 3]])
  assert.deepEqual(here.drain().counts, [])
  here.learn(told.window, 'a', 5)
  assert.equal(here.take('a', now).allowed, false)
  here.learn(told.window - 1, 'b', 100)
  assert.equal(here.take('b', now).allowed, true, 'what belongs to a window that is over does not count')
})
