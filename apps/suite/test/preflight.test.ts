import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { checkDataDir, checkPorts } from '../src/preflight.ts'
import { temporaryFolder } from './support/folder.ts'

async function listen(t: TestContext, host: string): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

for (const host of ['127.0.0.1', '::1']) {
  test(`a port taken on ${host} is named, and so is its holder`, async (t) => {
    const port = await listen(t, host)
    const holder = process.platform === 'linux' ? ` by .* \\(process ${process.pid}\\)` : ''
    await assert.rejects(checkPorts([{ name: 'auth', port }], host), {
      message: new RegExp(`^Port ${port} \\(auth\\) is taken${holder}: stop that and start again\\.$`),
    })
  })
}

test('free ports pass', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  assert.equal(await checkPorts([{ name: 'auth', port }], '127.0.0.1'), undefined)
})

test('an address that this machine does not have is said to be so', async () => {
  await assert.rejects(checkPorts([{ name: 'auth', port: 8000 }], '192.0.2.1'), {
    message: /^Port 8000 \(auth\) on 192\.0\.2\.1 cannot be opened \(EADDRNOTAVAIL\): check HOST/,
  })
})

test('a data folder that cannot be made, and a full disk', () => {
  const folder = temporaryFolder()
  checkDataDir(join(folder, 'new'), 1)
  writeFileSync(join(folder, 'file'), '')
  assert.throws(() => checkDataDir(join(folder, 'file/data')), { message: /cannot be written \(ENOTDIR\): / })
  assert.throws(() => checkDataDir(folder, Number.MAX_SAFE_INTEGER), {
    message: /^The disk of .* has only \d+ MB left; /,
  })
})
