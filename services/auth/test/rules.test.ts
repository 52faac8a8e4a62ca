import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decideLinking, type ProviderIdentity } from '../domain/account-linking.ts'
import { deviceName } from '../domain/device-name.ts'
import { normaliseEmail } from '../domain/email.ts'
import { planRotation, type KeyLife, type RotationPlan } from '../domain/key-rotation.ts'
import { decideRefresh } from '../domain/refresh-rotation.ts'
import { mayGrantRole, parseRegistrationPolicy, refuseRegistration } from '../domain/registration.ts'
import {
  GLOBAL_RULE,
  PASSWORD_RULES,
  countFailure,
  countGlobalFailure,
  strict,
  underAttack,
  waitMs,
  type FailureCounter,
} from '../domain/throttle.ts'

const now = new Date('2026-11-24T10:00:00Z')
const after = (ms: number) => new Date(now.getTime() + ms)
const before = (ms: number) => after(-ms)

const RULES = { idleMs: 1000, absoluteMs: 10_000, graceMs: 100 }
const fresh = { usedAt: undefined, successorUsed: false, issuedAt: now, userAgent: 'phone' }
const used = { ...fresh, usedAt: now }
const family = { startedAt: now, endedAt: undefined }
for (const [what, token, session, at, userAgent, expected] of [
  ['a fresh token', fresh, family, 10, 'phone', 'rotate'],
  ['a fresh token on an updated browser', fresh, family, 10, 'phone 2', 'rotate'],
  ['an unused token after the idle time', fresh, family, 1000, 'phone', 'expired'],
  ['a fresh token of an old family', { ...fresh, issuedAt: after(9999) }, family, 10_000, 'phone', 'expired'],
  ['a fresh token of an ended family', fresh, { ...family, endedAt: now }, 10, 'phone', 'ended'],
  ['a used token at once, same device', used, family, 100, 'phone', 'repeat'],
  ['a used token at once, other device', used, family, 10, 'laptop', 'reuse'],
  ['a used token after the grace', used, family, 101, 'phone', 'reuse'],
  ['a used token whose successor is used', { ...used, successorUsed: true }, family, 10, 'phone', 'reuse'],
  ['a used token of an ended family', used, { ...family, endedAt: now }, 500, 'phone', 'ended'],
] as const)
  test(`refresh: ${what} → ${expected}`, () => {
    assert.equal(decideRefresh(token, session, { now: after(at), userAgent }, RULES), expected)
  })

const rotation = { signMs: 1000, publishMs: 100, keepMs: 500 }

/** Applies a plan as the service does, with names in the order of creation. */
function apply(keys: KeyLife[], plan: RotationPlan, at: Date): KeyLife[] {
  const kept = keys.filter((key) => !plan.remove.includes(key.kid))
  const moved = kept.map((key) => {
    if (plan.promote.includes(key.kid)) return { ...key, state: 'current' as const, since: at }
    return plan.retire.includes(key.kid) ? { ...key, state: 'retired' as const, since: at } : key
  })
  const created = plan.create.map((state) => ({ kid: crypto.randomUUID(), state, since: at }))
  return [...moved, ...created]
}

test('keys rotate: always one that signs, published long enough before, kept long enough after', () => {
  let keys: KeyLife[] = []
  const published = new Map<string, number>()
  for (let ms = 0; ms <= 10_000; ms += 50) {
    keys = apply(keys, planRotation(keys, after(ms), rotation), after(ms))
    assert.deepEqual(planRotation(keys, after(ms), rotation), {
      create: [],
      promote: [],
      retire: [],
      remove: [],
    })
    const current = keys.filter((key) => key.state === 'current')
    assert.equal(current.length, 1)
    assert.equal(keys.filter((key) => key.state === 'next').length, 1)
    for (const key of keys) if (!published.has(key.kid)) published.set(key.kid, ms)
    if (ms > 0 && current[0]!.since.getTime() > now.getTime())
      assert.ok(
        current[0]!.since.getTime() - now.getTime() - published.get(current[0]!.kid)! >= rotation.publishMs,
      )
  }
  assert.equal(published.size, 12, 'ten rotations and the first two keys')
})

test('a lost current key is replaced at once by the next one', () => {
  const plan = planRotation([{ kid: 'n', state: 'next', since: now }], now, rotation)
  assert.deepEqual(plan, { create: ['next'], promote: ['n'], retire: [], remove: [] })
})

test('throttle: free tries, then doubling waits up to a maximum, forgotten in the end', () => {
  const rule = { free: 2, baseDelayMs: 1000, maxDelayMs: 5000, forgetMs: 60_000 }
  let counter: FailureCounter | undefined
  const waits = Array.from({ length: 7 }, () => {
    counter = countFailure(counter, rule, now)
    return waitMs(counter, rule, now)
  })
  assert.deepEqual(waits, [0, 0, 1000, 2000, 4000, 5000, 5000])
  assert.equal(waitMs(counter, rule, after(4999)), 1)
  assert.equal(waitMs(counter, rule, after(5000)), 0, 'no permanent lock')
  assert.equal(countFailure(counter, rule, after(60_000)).failures, 1)
  assert.equal(waitMs({ ...counter!, failures: 1e6 }, rule, now), 5000)
})

test('throttle: an attack on the whole installation makes every scope strict but refuses nobody', () => {
  let counter: FailureCounter | undefined
  for (let i = 0; i < GLOBAL_RULE.failures; i++) {
    assert.equal(underAttack(counter, now), false)
    counter = countGlobalFailure(counter, now)
  }
  assert.equal(underAttack(counter, now), true)
  assert.equal(underAttack(counter, after(GLOBAL_RULE.windowMs)), false)
  assert.equal(countGlobalFailure(counter, after(GLOBAL_RULE.windowMs)).failures, 1)
  const rule = strict(PASSWORD_RULES.account_address)
  assert.equal(waitMs(undefined, rule, now), 0)
  assert.ok(waitMs({ failures: 1, firstAt: now, lastAt: now }, rule, now) > 0)
})

const refusal = (policy: string, email = 'a@example.com', invited = false) =>
  refuseRegistration(parseRegistrationPolicy(policy), email, invited)

test('registration: open, by invitation, by domain, closed; an invitation opens each', () => {
  assert.equal(refusal('open'), undefined)
  assert.equal(refusal('closed'), 'registration_closed')
  assert.equal(refusal('invitation'), 'invitation_required')
  assert.equal(refusal('domain:example.com, example.org'), undefined)
  assert.equal(refusal('domain:example.org'), 'domain_not_allowed')
  assert.equal(refusal('domain:example.com', 'a@evil-example.com'), 'domain_not_allowed')
  assert.equal(refusal('domain:example.com', 'a@sub.example.com'), 'domain_not_allowed')
  for (const policy of ['closed', 'invitation', 'domain:example.org'])
    assert.equal(refusal(policy, 'a@example.com', true), undefined)
  for (const bad of ['', 'everybody', 'domain:', 'domain', 'open:x'])
    assert.throws(() => parseRegistrationPolicy(bad), /REGISTRATION/)
})

test('roles: nobody gives themselves more than user', () => {
  assert.equal(mayGrantRole(undefined, 'user'), true)
  for (const role of ['admin', 'guest', 'service'] as const) {
    assert.equal(mayGrantRole(undefined, role), false)
    assert.equal(mayGrantRole('user', role), false)
    assert.equal(mayGrantRole('admin', role), true)
    assert.equal(mayGrantRole('service', role), true)
  }
})

for (const [input, expected] of [
  [' User@Example.COM ', 'user@example.com'],
  ['josé@example.com', 'josé@example.com'],
  ['a@bücher.example', 'a@xn--bcher-kva.example'],
  ["o'neil+tag@sub.example.com", "o'neil+tag@sub.example.com"],
  ['ｕser@example.com', 'user@example.com'],
  ['no-at.example.com', undefined],
  ['@example.com', undefined],
  ['a@localhost', undefined],
  ['a b@example.com', undefined],
  ['a..b@example.com', undefined],
  ['a@-bad.com', undefined],
  ['a@[127.0.0.1]', undefined],
  ['a@b@example.com', undefined],
  ['a@example.com\r\nBcc: x@y.z', undefined],
  [`${'x'.repeat(65)}@example.com`, undefined],
] as const)
  test(`e-mail: ${JSON.stringify(input)} → ${expected}`, () => assert.equal(normaliseEmail(input), expected))

const identity: ProviderIdentity = { provider: 'google', subject: '1', email: 'a@b.co', emailVerified: true }
const account = { id: 'u1', emailVerified: true, disabled: false }
const unverified = { ...account, emailVerified: false }
const disabled = { ...account, disabled: true }
for (const [what, who, linked, sameEmail, expected] of [
  ['linked before', identity, account, undefined, { kind: 'sign_in', accountId: 'u1' }],
  [
    'linked, address no longer vouched for',
    { ...identity, emailVerified: false },
    account,
    undefined,
    { kind: 'sign_in', accountId: 'u1' },
  ],
  ['linked but disabled', identity, disabled, undefined, { kind: 'refuse', reason: 'account_disabled' }],
  ['nobody known', identity, undefined, undefined, { kind: 'register' }],
  ['same verified address', identity, undefined, account, { kind: 'link', accountId: 'u1' }],
  [
    'same address, never proved here',
    identity,
    undefined,
    unverified,
    { kind: 'refuse', reason: 'sign_in_with_password_first' },
  ],
  ['same address, disabled', identity, undefined, disabled, { kind: 'refuse', reason: 'account_disabled' }],
  [
    'address not vouched for',
    { ...identity, emailVerified: false },
    undefined,
    account,
    { kind: 'refuse', reason: 'email_not_verified_by_provider' },
  ],
  [
    'no address',
    { ...identity, email: undefined },
    undefined,
    undefined,
    { kind: 'refuse', reason: 'email_not_verified_by_provider' },
  ],
] as const)
  test(`linking: ${what} → ${expected.kind}`, () =>
    assert.deepEqual(decideLinking(who, linked, sameEmail), expected))

for (const [userAgent, expected] of [
  ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Firefox on Linux'],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0',
    'Edge on Windows',
  ],
  [
    'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36',
    'Chrome on Android',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    'Safari on iPhone',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
    'Safari on macOS',
  ],
  ['curl/8.5.0', 'curl'],
  ['', 'Unknown device'],
  [undefined, 'Unknown device'],
] as const)
  test(`device: ${expected}`, () => assert.equal(deviceName(userAgent), expected))

test('an old failure is forgotten', () => {
  const counter = { failures: 100, firstAt: before(10), lastAt: before(PASSWORD_RULES.account.forgetMs) }
  assert.equal(waitMs(counter, PASSWORD_RULES.account, now), 0)
})
