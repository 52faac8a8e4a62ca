import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { testServiceToken } from '@ait/testing'
import { exchangeRaw, startGateway, startUpstream } from './support/gateway.ts'

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

test('people are counted by who they are, everybody else by address, and told how much is left', async (t) => {
  const upstream = await startUpstream(t)
  const env = { GATEWAY_RATE_USER_PER_MINUTE: '3', GATEWAY_RATE_ADDRESS_PER_MINUTE: '5' }
  const gateway = await startGateway(t, { things: upstream.url, env })
  const [ann, bob] = [await gateway.authority.tokenFor('ann'), await gateway.authority.tokenFor('bob')]
  const get = (init: RequestInit = {}) => fetch(`${gateway.url}/api/v1/things`, init)
  const first = await get(bearer(ann))
  assert.equal(first.headers.get('ratelimit-limit'), '3')
  assert.equal(first.headers.get('ratelimit-remaining'), '2')
  assert.equal(first.headers.get('ratelimit-policy'), '3;w=60')
  assert.match(first.headers.get('ratelimit-reset') ?? '', /^([1-9]|[1-5]\d|60)$/)
  await get(bearer(ann))
  await get(bearer(ann))
  const refused = await get(bearer(ann))
  assert.equal(refused.status, 429)
  assert.equal(refused.headers.get('content-type'), 'application/problem+json')
  assert.equal(refused.headers.get('retry-after'), refused.headers.get('ratelimit-reset'))
  assert.equal(((await refused.json()) as { code: string }).code, 'too_many_requests')
  assert.equal((await get(bearer(bob))).status, 200, 'others are not affected')
  assert.equal(
    (await get(bearer(testServiceToken))).headers.get('ratelimit-limit'),
    null,
    'nor the suite itself',
  )
  // Two fresh tokens had to be verified, which counted for the address.
  const anonymous = []
  for (let i = 0; i < 4; i++) anonymous.push((await get()).status)
  assert.deepEqual(anonymous.filter((status) => status === 429).length >= 1, true)
  for (let i = 0; i < 10; i++)
    assert.equal((await fetch(`${gateway.url}/health/live`)).status, 200, 'probes always pass')
})

test('a path can have a limit of its own', async (t) => {
  const upstream = await startUpstream(t)
  const file = `rate_limits: [{prefix: /api/v1/things/login, requests: 2, window_s: 3600}]
upstreams:
  - {name: few, prefix: /few, targets: ["${upstream.url}"], rate_limit: {requests: 1, window_s: 60}}`
  const gateway = await startGateway(t, { things: upstream.url, file })
  const get = (path: string) => fetch(gateway.url + path)
  const statuses = []
  for (let i = 0; i < 3; i++) statuses.push((await get('/api/v1/things/login')).status)
  assert.deepEqual(statuses, [200, 200, 429])
  assert.equal((await get('/api/v1/things/login')).headers.get('ratelimit-policy'), '2;w=3600')
  for (const same of ['/api/v1/things/login/', '/api/v1/things/%6cogin', '/api/v1/th%69ngs/logi%6E'])
    assert.equal((await get(same)).status, 429, same)
  assert.equal((await get('/api/v1/things/other')).status, 200)
  assert.deepEqual([(await get('/few/a')).status, (await get('/few/b')).status], [200, 429])
})

test('tokens that are not valid are left to the service, and verified only so often', async (t) => {
  const upstream = await startUpstream(t)
  const file = `upstreams:
  - {name: closed, prefix: /closed, targets: ["${upstream.url}"], access: token}
  - {name: opened, prefix: /opened, targets: ["${upstream.url}"], access: open}`
  const env = { GATEWAY_RATE_ADDRESS_PER_MINUTE: '30' }
  const gateway = await startGateway(t, { things: upstream.url, file, env })
  const forged = await gateway.authority.forgedFor('ann')
  const status = async (path: string, token: string) =>
    (await fetch(gateway.url + path, bearer(token))).status
  assert.equal(await status('/api/v1/things', forged), 200)
  assert.equal(upstream.seen[0]?.headers.authorization, `Bearer ${forged}`)
  assert.equal(await status('/closed', forged), 401)
  assert.equal((await fetch(`${gateway.url}/closed`)).status, 401)
  assert.equal(await status('/opened', forged), 200)
  assert.equal(await status('/closed', await gateway.authority.tokenFor('ann')), 200)
  const many = []
  for (let i = 0; i < 40; i++) many.push(await status('/api/v1/things', `${forged}${i}`))
  assert(many.includes(429))
})

test('an address that asks too often costs no more verifications', async (t) => {
  const upstream = await startUpstream(t)
  const env = { GATEWAY_RATE_ADDRESS_PER_MINUTE: '10' }
  const gateway = await startGateway(t, { things: upstream.url, env })
  const ann = await gateway.authority.tokenFor('ann')
  assert.equal((await fetch(`${gateway.url}/api/v1/things`, bearer(ann))).status, 200)
  let asked = 0
  gateway.authority.introspect = async () => {
    asked += 1
    return null
  }
  for (let i = 0; i < 30; i++) await fetch(`${gateway.url}/api/v1/things`, bearer(`ait_guess${i}`))
  assert(asked > 0 && asked <= 10, `${asked} of 30`)
  assert.equal(
    (await fetch(`${gateway.url}/api/v1/things`, bearer(ann))).status,
    200,
    'who is known is served',
  )
})

test('a session that has ended stops at the edge within a second', async (t) => {
  const upstream = await startUpstream(t)
  const file = `upstreams: [{name: closed, prefix: /closed, targets: ["${upstream.url}"], access: token}]`
  const gateway = await startGateway(t, { file })
  const sid = '01900000-0000-7000-8000-00000000d1d1'
  const token = await gateway.authority.tokenFor('ann', { sid })
  assert.equal((await fetch(`${gateway.url}/closed`, bearer(token))).status, 200)
  const known = new Promise<void>((resolve) => gateway.service.runtime.revocations.onRevoked(() => resolve()))
  gateway.authority.revoke(sid)
  await known
  assert.equal((await fetch(`${gateway.url}/closed`, bearer(token))).status, 401)
})

test('answers get the security headers that they lack', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    const own = request.url?.endsWith('/own') ? { 'content-security-policy': "default-src 'self'" } : {}
    response.writeHead(200, { server: 'nginx/1.0', 'x-powered-by': 'PHP', ...own }).end()
  })
  const gateway = await startGateway(t, { things: upstream.url })
  const { headers } = await fetch(`${gateway.url}/api/v1/things`)
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.equal(headers.get('content-security-policy'), "frame-ancestors 'none'")
  assert.equal(headers.get('referrer-policy'), 'strict-origin-when-cross-origin')
  assert.equal(headers.get('strict-transport-security'), null, 'not over http')
  assert.equal(headers.get('server'), null)
  assert.equal(headers.get('x-powered-by'), null)
  const own = await fetch(`${gateway.url}/api/v1/things/own`)
  assert.equal(own.headers.get('content-security-policy'), "default-src 'self'")
})

test('pages of configured origins may call, others may not', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, {
    things: upstream.url,
    env: { CORS_ORIGINS: 'https://app.example' },
  })
  const url = `${gateway.url}/api/v1/things`
  const preflight = (origin: string) =>
    fetch(url, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'authorization',
      },
    })
  const granted = await preflight('https://app.example')
  assert.equal(granted.status, 204)
  assert.equal(granted.headers.get('access-control-allow-origin'), 'https://app.example')
  assert.match(granted.headers.get('access-control-allow-methods') ?? '', /PUT/)
  assert.equal(granted.headers.get('access-control-allow-headers'), 'authorization')
  assert.equal((await preflight('https://evil.example')).status, 403)
  assert.deepEqual(upstream.seen, [], 'preflights end at the edge')
  const answer = await fetch(url, { headers: { origin: 'https://app.example' } })
  assert.equal(answer.headers.get('access-control-allow-origin'), 'https://app.example')
  assert.match(answer.headers.get('vary') ?? '', /origin/)
  const other = await fetch(url, { headers: { origin: 'https://evil.example' } })
  assert.equal(other.headers.get('access-control-allow-origin'), null)
})

test('text is compressed when the client takes it', async (t) => {
  const text = JSON.stringify({ items: Array.from({ length: 2000 }, (_, i) => ({ i })) })
  const upstream = await startUpstream(t, (request, response) => {
    const path = request.url ?? ''
    const type = path.endsWith('/image') ? 'image/png' : 'application/json'
    const headers = {
      'content-type': type,
      etag: '"a"',
      ...(path.endsWith('/done') && { 'content-encoding': 'gzip' }),
      ...(path.endsWith('/fixed') && { 'cache-control': 'no-transform' }),
    }
    const body = path.endsWith('/short') ? '{}' : text
    response.writeHead(
      200,
      path.endsWith('/chunked') ? headers : { ...headers, 'content-length': body.length },
    )
    response.end(body)
  })
  const gateway = await startGateway(t, { things: upstream.url })
  const get = async (path: string, accept: string) => {
    const raw = await exchangeRaw(
      gateway.port,
      `GET /api/v1/things${path} HTTP/1.0\r\nHost: a\r\nAccept-Encoding: ${accept}\r\n\r\n`,
    )
    const end = raw.indexOf('\r\n\r\n')
    return { head: raw.slice(0, end).toLowerCase(), body: Buffer.from(raw.slice(end + 4), 'latin1') }
  }
  for (const path of ['/sized', '/chunked']) {
    const gzip = await get(path, 'gzip')
    assert.match(gzip.head, /content-encoding: gzip/)
    assert.match(gzip.head, /vary: accept-encoding/)
    assert.match(gzip.head, /etag: w\/"a"/)
    assert.doesNotMatch(gzip.head, /content-length/)
    assert.equal(gunzipSync(gzip.body).toString(), text)
    const br = await get(path, 'gzip, br')
    assert.equal(brotliDecompressSync(br.body).toString(), text)
  }
  for (const path of ['/image', '/done', '/fixed', '/short'])
    assert.doesNotMatch((await get(path, 'br')).head, /content-encoding: br/, path)
  const plain = await get('/sized', 'identity')
  assert.equal(plain.body.toString(), text)
  assert.match(plain.head, /vary: accept-encoding/)
})

test('public answers are stored for as long as they say', async (t) => {
  let version = 0
  const upstream = await startUpstream(t, (request, response) => {
    version += 1
    const path = request.url ?? ''
    const control = path.includes('/private') ? 'private, max-age=60' : 'public, max-age=60'
    response.writeHead(200, {
      'cache-control': control,
      etag: `"${version}"`,
      'content-type': 'text/plain',
      ...(path.includes('/lang') && { vary: 'accept-language' }),
      ...(path.includes('/cookie') && { 'set-cookie': 'a=1' }),
    })
    response.end(`${version}`)
  })
  const gateway = await startGateway(t, { things: upstream.url })
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${gateway.url}/api/v1/things${path}`, { headers })
    return {
      status: answer.status,
      text: await answer.text(),
      age: answer.headers.get('age'),
      etag: answer.headers.get('etag'),
    }
  }
  const first = await get('/a')
  const again = await get('/a')
  assert.equal(again.text, first.text)
  assert.match(again.age ?? '', /^\d$/)
  // By hand, since fetch adds `Cache-Control: no-cache` to a conditional request.
  const { host } = new URL(gateway.url)
  const conditional = `GET /api/v1/things/a HTTP/1.1\r\nHost: ${host}\r\nIf-None-Match: ${first.etag}\r\nConnection: close\r\n\r\n`
  assert.match(await exchangeRaw(gateway.port, conditional), /^HTTP\/1\.1 304 /)
  const elsewhere = await exchangeRaw(gateway.port, conditional.replace(host, 'evil.example'))
  assert.match(elsewhere, /^HTTP\/1\.1 200 /, 'not under the name of another host')
  assert.notEqual((await get('/a?x')).text, first.text)
  assert.notEqual((await get('/a', { 'cache-control': 'no-cache' })).text, first.text)
  for (const headers of [{ authorization: 'Bearer x' }, { cookie: 'a=1' }] as Record<string, string>[])
    assert.equal((await get('/a', headers)).age, null, 'never for those who may be somebody')
  for (const path of ['/private', '/cookie'])
    assert.notEqual((await get(path)).text, (await get(path)).text, path)
  const en = await get('/lang', { 'accept-language': 'en' })
  assert.equal((await get('/lang', { 'accept-language': 'en' })).text, en.text)
  assert.notEqual((await get('/lang', { 'accept-language': 'es' })).text, en.text)
})

test('the web workspace gets what is nobody else’s', async (t) => {
  const web = await startUpstream(t)
  const things = await startUpstream(t)
  const gateway = await startGateway(t, { things: things.url, env: { GATEWAY_WEB_URL: web.url } })
  for (const path of ['/', '/tasks/1', '/_next/app.js', '/api/v1/things']) await fetch(gateway.url + path)
  assert.deepEqual(
    web.seen.map(({ url }) => url),
    ['/', '/tasks/1', '/_next/app.js'],
  )
  assert.equal(things.seen.length, 1)
  assert.equal(
    ((await (await fetch(`${gateway.url}/health`)).json()) as { service: string }).service,
    'gateway',
  )
})

test('nothing of the suite that is not meant for outside can be reached', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, { things: upstream.url })
  for (const path of [
    '/internal/introspect',
    '/internal/revocations',
    '/nowhere',
    '/api/v1/nothing',
    '/api/v1',
  ])
    assert.equal((await fetch(gateway.url + path)).status, 404, path)
  assert.deepEqual(upstream.seen, [])
  for (const path of ['/metrics', '/metrics/', '/%6detrics', '/metric%73/'])
    assert.equal(
      (await fetch(gateway.url + path, { headers: { 'x-forwarded-for': '203.0.113.9' } })).status,
      404,
      path,
    )
})

test('metrics and stats count what has passed', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    response.writeHead(request.url?.endsWith('/missing') ? 404 : 200).end()
  })
  const gateway = await startGateway(t, { things: upstream.url })
  for (const path of ['', '', '/missing']) await fetch(`${gateway.url}/api/v1/things${path}`)
  const text = await (await fetch(`${gateway.url}/metrics`)).text()
  assert.match(text, /gateway_responses_total\{upstream="things",class="2xx",service="gateway"\} 2/)
  assert.match(text, /gateway_responses_total\{upstream="things",class="4xx",service="gateway"\} 1/)
  assert.match(
    text,
    /gateway_request_duration_seconds_bucket\{upstream="things",le="\+Inf",service="gateway"\} 3/,
  )
  const { body } = await gateway.as('admin').call('getStats', {}, 200)
  const things = body.upstreams.find(({ upstream: name }: { upstream: string }) => name === 'things')
  assert.equal(things.requests, 3)
  assert.deepEqual(things.by_class, { '2xx': 2, '4xx': 1 })
})
