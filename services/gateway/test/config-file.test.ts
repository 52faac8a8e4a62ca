import assert from 'node:assert/strict'
import { rename, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { until } from '@ait/testing'
import { GatewayFileError, readGatewayFile } from '../domain/gateway-file.ts'
import { startGateway, startUpstream } from './support/gateway.ts'

const entry = (name: string, url: string) =>
  `  - {name: ${name}, prefix: /${name}, targets: ["${url}"], access: open}\n`

test('changes of the file are taken over while requests go on', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, { file: `upstreams:\n${entry('one', upstream.url)}` })
  const status = async (path: string) => (await fetch(gateway.url + path)).status
  assert.equal(await status('/one'), 200)
  assert.equal(await status('/two'), 404)
  const kept = gateway.deps.routes.upstreams.find(({ config }) => config.name === 'one')
  await gateway.writeFile(`upstreams:\n${entry('one', upstream.url)}${entry('two', upstream.url)}`)
  await until('the new route is there', async () => (await status('/two')) === 200)
  const one = gateway.deps.routes.upstreams.find(({ config }) => config.name === 'one')
  assert.equal(one, kept, 'what did not change keeps its connections and counts')
  // Editors write another file and put it in place of the old one.
  await writeFile(`${gateway.deps.file.path}.new`, `upstreams:\n${entry('two', upstream.url)}`)
  await rename(`${gateway.deps.file.path}.new`, gateway.deps.file.path)
  await until('the old route is gone', async () => (await status('/one')) === 404)
  assert.equal(await status('/two'), 200)
})

test('a bad file keeps the old one running and says why', async (t) => {
  const upstream = await startUpstream(t)
  const good = `upstreams:\n${entry('one', upstream.url)}`
  const gateway = await startGateway(t, { file: good })
  const fault = async () =>
    (await gateway.as('admin').call('listRoutes', {}, 200)).body.file.fault as string | null
  assert.equal(await fault(), null)
  const faults: [text: string, why: RegExp][] = [
    ['upstreams: [', /flow sequence|end/i],
    ['upstreams: [{name: one}]', /required/],
    [`${good}    colour: red\n`, /./],
    ['upstreams: [{name: a, prefix: /a, targets: ["http://169.254.169.254"]}]', /link-local/],
    ['upstreams: [{name: things, prefix: /a, targets: ["http://a"]}]', /two upstreams/],
    ['upstreams: [{name: a, prefix: /docs, targets: ["http://a"]}]', /two routes/],
    ['upstreams: [{name: a, prefix: /a, targets: ["http://a"], weight: 3}]', /weight/],
    [
      'rate_limits: [{prefix: /a, requests: 1, window_s: 1}, {prefix: /a, requests: 2, window_s: 1}]',
      /two limits/,
    ],
  ]
  for (const [text, why] of faults) {
    await gateway.writeFile(text)
    await until(`a fault for ${text}`, async () => why.test((await fault()) ?? ''))
    assert.equal((await fetch(`${gateway.url}/one`)).status, 200, text)
    await gateway.writeFile(good)
    await until('the fault is gone', async () => (await fault()) === null)
  }
})

test('a file that is bad at the start does not keep the suite from starting', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, { things: upstream.url, file: 'nonsense: true' })
  assert.equal((await fetch(`${gateway.url}/api/v1/things`)).status, 200)
  const { body } = await gateway.as('admin').call('listUpstreams', {}, 200)
  assert.match(body.file.fault, /nonsense/)
  assert.equal(body.file.loaded_at, null)
})

test('the schema names what is wrong', () => {
  const read = (value: unknown) => readGatewayFile(value, 1000)
  const upstream = { name: 'a', prefix: '/a', targets: ['http://a'] }
  assert.equal(read({ upstreams: [upstream] }).upstreams[0]?.bodyLimitBytes, 1000)
  assert.deepEqual(read(null), { upstreams: [], limits: [] })
  for (const [field, value] of Object.entries({
    name: 'Not Good',
    prefix: 'a',
    targets: [],
    access: 'maybe',
    timeouts: { connect_ms: 0 },
    health: {},
    rate_limit: { requests: 1 },
  }))
    assert.throws(
      () => read({ upstreams: [{ ...upstream, [field]: value }] }),
      (error: Error) => error instanceof GatewayFileError && error.message.includes(`/upstreams/0/${field}`),
      field,
    )
})
