import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientOrigin, trustedProxies } from '../domain/client-address.ts'
import { cookieValue, sessionCookie, withoutCookie } from '../domain/cookies.ts'
import { createCors } from '../domain/cors.ts'
import { chooseEncoding, isCompressible } from '../domain/encoding.ts'
import { matchesTag, sharedFreshness } from '../domain/freshness.ts'
import { membersOf } from '../domain/members.ts'
import { createFates, readHead } from '../domain/request-head.ts'
import { createRouteTable, isAmbiguousPath, normalPath } from '../domain/route-table.ts'
import { mayActByCookie, mayConnectByCookie } from '../domain/same-origin.ts'
import { networkOf } from '../proxy/limiter.ts'
import { createTraceIds, isRequestId } from '../domain/trace.ts'
import { forbiddenAddress, parseTarget } from '../domain/upstream-address.ts'

test('the route with the longest prefix of whole segments wins', () => {
  const table = createRouteTable(
    ['/', '/api/v1/auth', '/api/v1/auth/oauth/google', '/app/'].map((prefix) => ({ prefix })),
  )
  const found = (path: string) => table.find(path)?.prefix
  assert.equal(found('/api/v1/auth'), '/api/v1/auth')
  assert.equal(found('/api/v1/auth/'), '/api/v1/auth')
  assert.equal(found('/api/v1/auth/login'), '/api/v1/auth')
  assert.equal(found('/api/v1/auth/oauth/google/callback'), '/api/v1/auth/oauth/google')
  assert.equal(found('/api/v1/authority'), '/')
  assert.equal(found('/app'), '/app/')
  assert.equal(found('/app/x'), '/app/')
  assert.equal(found('/'), '/')
  assert.equal(createRouteTable([{ prefix: '/api' }]).find('/other'), undefined)
  assert.throws(() => createRouteTable([{ prefix: '/a' }, { prefix: '/a/' }]), /two routes/)
})

test('paths that another server could read as another path are noticed', () => {
  for (const path of [
    '/a/../b',
    '/a/./b',
    '/a/..',
    '/%2e%2e/b',
    '/a/.%2E/b',
    '/a%2f..%2fb',
    '/a\\..\\b',
    '/a\\b',
    '/..%5cb',
  ])
    assert.equal(isAmbiguousPath(path), true, path)
  for (const path of [
    '/',
    '/a/b.txt',
    '/.well-known/x',
    '/a/..b',
    '/a/b..',
    '/a%2fb',
    '/a/...',
    '/files/.hidden',
  ])
    assert.equal(isAmbiguousPath(path), false, path)
})

test('headers that say who the caller is are recognised, whatever their spelling', () => {
  const fateOf = createFates()
  for (const name of [
    'X-User-Id',
    'x-forwarded-user',
    'X-AIT-Principal',
    'X_User_Id',
    'Remote-User',
    'X-Original-URL',
  ])
    assert.equal(readHead([name, 'x'], fateOf).hasIdentity, true, name)
  for (const name of ['X-Forwarded-For', 'Forwarded', 'X-Real-IP'])
    assert.equal(readHead([name, 'x'], fateOf).hasForwarded, true, name)
  const plain = readHead(['Host', 'a', 'X-Share-Token', 't', 'Accept', '*/*'], fateOf)
  assert.equal(plain.hasIdentity || plain.hasForwarded, false)
})

test('a request that two servers could delimit differently is faulty', () => {
  const fault = (...raw: string[]) => readHead(raw, createFates()).fault
  assert.match(fault('Content-Length', '3', 'Transfer-Encoding', 'chunked') ?? '', /both/)
  assert.match(fault('Content-Length', '3', 'content-length', '3') ?? '', /Content-Length/)
  assert.match(fault('Content-Length', '+3') ?? '', /Content-Length/)
  assert.match(fault('Transfer-Encoding', 'chunked, identity') ?? '', /Transfer-Encoding/)
  assert.match(fault('Transfer-Encoding', 'xchunked') ?? '', /Transfer-Encoding/)
  assert.match(fault('Host', 'a', 'Host', 'b') ?? '', /Host/)
  assert.match(fault('Authorization', 'Bearer a', 'Authorization', 'Bearer b') ?? '', /Authorization/)
  assert.equal(fault('Content-Length', '3', 'Host', 'a'), undefined)
})

test('names in Connection are for this hop only, but not those that the edge relies on', () => {
  const head = readHead(['Connection', 'close, X-Secret, Authorization', 'Connection', 'Foo'], createFates())
  assert.deepEqual(head.connectionNames, ['x-secret', 'foo'])
})

test('only trusted proxies are believed about the client', () => {
  const isTrusted = trustedProxies('10.0.0.0/8, loopback')
  const direct = { proto: 'http', host: 'direct.example' } as const
  const told = (peer: string, headers: object) => clientOrigin(peer, direct, headers, isTrusted)
  const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7, 10.1.1.1', 'x-forwarded-proto': 'https' }
  assert.deepEqual(told('192.0.2.1', headers), { address: '192.0.2.1', ...direct })
  // The rightmost address that is no proxy of ours: what stands left of it the client may have made up.
  assert.deepEqual(told('10.9.9.9', headers), {
    address: '198.51.100.7',
    proto: 'https',
    host: 'direct.example',
  })
  // RFC 7239 §4, first example's spelling with a port and quotes
  const forwarded = 'for="[2001:db8:cafe::17]:4711";proto=https;host=suite.example, for=10.1.1.1'
  assert.deepEqual(told('::1', { forwarded }), {
    address: '2001:db8:cafe::17',
    proto: 'https',
    host: 'suite.example',
  })
  assert.equal(told('10.0.0.1', { 'x-forwarded-for': 'unknown' }).address, '10.0.0.1')
  assert.equal(told('10.0.0.1', { 'x-forwarded-host': 'evil.example/path' }).host, 'direct.example')
  assert.throws(() => trustedProxies('not-an-address'), /not-an-address/)
})

test('a trace is continued when its parent is well-formed (W3C Trace Context §3.2.2)', () => {
  const { traceparent, requestId } = createTraceIds()
  const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  assert.match(traceparent(given), /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[\da-f]{16}-01$/)
  for (const bad of [
    undefined,
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
    'garbage',
  ]) {
    const fresh = traceparent(bad)
    assert.match(fresh, /^00-[\da-f]{32}-[\da-f]{16}-00$/)
    assert(!fresh.includes('0af7651916cd43dd8448eb211c80319c'))
  }
  const many = Array.from({ length: 2000 }, requestId)
  assert.equal(new Set(many).size, many.length)
  assert.equal(isRequestId('abc-123:456.7'), true)
  for (const bad of ['short', 'with space 123', 'line\nbreak-123', 'x'.repeat(129)])
    assert.equal(isRequestId(bad), false)
})

test('what need not be encoded is compared as it is (RFC 3986 §6.2.2.2)', () => {
  assert.equal(normalPath('/%61%5A%7a%30%39%2d%2E%5f%7e/x'), '/aZz09-._~/x')
  for (const other of ['/a%2Fb', '/a%20b', '/ñ%C3%B1', '/%5B%60%40%7B', '/%', '/%zz', '/%6'])
    assert.equal(normalPath(other), other)
  assert.equal(normalPath('/%2561'), '/%2561', 'once, not again')
})

test('the addresses of one IPv6 household count as one', () => {
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1')
  for (const [one, other] of [
    ['2001:db8::1', '2001:db8::2'],
    ['2001:db8::1', '2001:db8:0:0:a:b:c:d'],
    ['2001:db8:1::5', '2001:db8:1:0:ffff::'],
    ['::1', '::2'],
  ] as const)
    assert.equal(networkOf(one), networkOf(other), `${one} ${other}`)
  assert.notEqual(networkOf('2001:db8:0:1::1'), networkOf('2001:db8:0:2::1'))
})

test('cookies are read, removed and written', () => {
  const header = 'a=1; ait_session=s3cret; b=2; ait_session=planted'
  assert.equal(cookieValue(header, 'ait_session'), 's3cret')
  assert.equal(cookieValue('xait_session=1', 'ait_session'), undefined)
  assert.equal(withoutCookie(header, 'ait_session'), 'a=1; b=2')
  assert.equal(withoutCookie('ait_session=1', 'ait_session'), undefined)
  assert.equal(
    sessionCookie('v', { secure: true, maxAgeSeconds: 60 }),
    '__Host-ait_session=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure',
  )
  assert.equal(
    sessionCookie('', { secure: false, maxAgeSeconds: 0 }),
    'ait_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0',
  )
})

test('another site cannot act by the cookie', () => {
  const own = ['https://suite.example']
  const may = (method: string, fetchSite?: string, origin?: string) =>
    mayActByCookie({ method, fetchSite, origin }, own)
  assert.equal(may('GET'), true)
  assert.equal(may('POST', 'same-origin', 'https://suite.example'), true)
  assert.equal(may('POST', 'same-origin'), true)
  assert.equal(may('POST', undefined, 'https://suite.example'), true)
  assert.equal(may('POST', 'cross-site', 'https://evil.example'), false)
  assert.equal(may('POST', 'same-site', 'https://other.suite.example'), false)
  assert.equal(may('DELETE', 'none'), false)
  assert.equal(may('POST', undefined, 'null'), false)
  assert.equal(may('POST'), false)
  assert.equal(mayConnectByCookie('https://evil.example', own), false)
  assert.equal(mayConnectByCookie(undefined, own), false)
  assert.equal(mayConnectByCookie('https://suite.example', own), true)
})

test('CORS admits the configured origins, with cookies only those named', () => {
  const cors = createCors('https://a.example, https://b.example/')
  assert.deepEqual(cors.answerHeaders('https://b.example').slice(0, 4), [
    'access-control-allow-origin',
    'https://b.example',
    'access-control-allow-credentials',
    'true',
  ])
  assert.deepEqual(cors.answerHeaders('https://c.example'), [])
  assert.equal(cors.preflightHeaders('https://c.example', undefined), undefined)
  assert.equal(
    createCors('*').answerHeaders('https://c.example').includes('access-control-allow-credentials'),
    false,
  )
  assert.equal(
    cors.preflightHeaders('https://a.example', 'x-evil\r\n: y')?.includes('access-control-allow-headers'),
    false,
  )
})

test('Accept-Encoding is weighed (RFC 9110 §12.5.3)', () => {
  assert.equal(chooseEncoding('gzip, deflate, br'), 'br')
  assert.equal(chooseEncoding('gzip;q=1.0, br;q=0.5'), 'gzip')
  assert.equal(chooseEncoding('br;q=0, gzip'), 'gzip')
  assert.equal(chooseEncoding('*'), 'br')
  assert.equal(chooseEncoding('*;q=0'), undefined)
  assert.equal(chooseEncoding('identity'), undefined)
  assert.equal(isCompressible('application/json; charset=utf-8'), true)
  assert.equal(isCompressible('text/event-stream'), false)
  assert.equal(isCompressible('image/png'), false)
  assert.equal(isCompressible('image/svg+xml'), true)
})

test('only what says public may be stored', () => {
  assert.equal(sharedFreshness('public, max-age=60'), 60)
  assert.equal(sharedFreshness('public, max-age=60, s-maxage=10'), 10)
  for (const no of [
    undefined,
    'max-age=60',
    'public',
    'public, no-cache, max-age=9',
    'public, no-store, max-age=9',
    'private, max-age=9',
    'public, max-age=x',
  ])
    assert.equal(sharedFreshness(no), 0, String(no))
  assert.equal(matchesTag('"a", W/"b"', '"b"'), true)
  assert.equal(matchesTag('"a"', '"b"'), false)
  assert.equal(matchesTag('*', undefined), true)
})

test('upstreams may not be where clouds hand out credentials', () => {
  for (const address of [
    '169.254.169.254',
    'fe80::1',
    '::ffff:169.254.169.254',
    '0.0.0.0',
    'fd00:ec2::254',
    '100.100.100.200',
    '224.0.0.1',
  ])
    assert.equal(forbiddenAddress(address), true, address)
  for (const address of ['127.0.0.1', '10.0.0.1', '192.168.1.1', '::1', '203.0.113.5', 'fd00::1'])
    assert.equal(forbiddenAddress(address), false, address)
  for (const url of [
    'http://169.254.169.254',
    'http://2852039166',
    'http://0xa9fea9fe',
    'http://[fe80::1]:80',
    'http://metadata.google.internal',
    'ftp://a',
    'http://u:p@a',
    'http://a/path',
    'nonsense',
  ])
    assert.throws(() => parseTarget(url), Error, url)
  assert.deepEqual(parseTarget('http://169.254.1.1:81', true), { host: '169.254.1.1', port: 81, tls: false })
  assert.deepEqual(parseTarget('https://files.example'), { host: 'files.example', port: 443, tls: true })
  assert.deepEqual(parseTarget('http://[::1]:8080'), { host: '::1', port: 8080, tls: false })
})

test('the suite is down only when somebody is missed', () => {
  const info = (name: string) => ({ name, title: name, port: 1, path: `/api/v1/${name}`, subscriptions: [] })
  const all = ['gateway', 'auth', 'storage', 'mail'].map(info)
  const members = (running: string[], expected = '', env = {}) =>
    membersOf(
      { all, local: (name) => (running.includes(name) ? ({} as never) : undefined) },
      'gateway',
      expected,
      env,
    ).map(({ name, isExpected, isAsked }) => `${name}${isExpected ? '!' : ''}${isAsked ? '?' : ''}`)
  assert.deepEqual(members(['gateway', 'auth']), ['auth!?', 'storage', 'mail'])
  assert.deepEqual(members(['gateway']), ['auth?', 'storage?', 'mail?'])
  assert.deepEqual(members(['gateway'], 'auth', { MAIL_URL: 'http://mail' }), [
    'auth!?',
    'storage?',
    'mail!?',
  ])
})
