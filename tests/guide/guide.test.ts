import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { root } from '../../scripts/manifests.ts'
import { startSuite, type Suite } from '../support/suite.ts'

const run = promisify(execFile)

/** The commands of the Spanish guide, run by bash and curl as they are printed. */
const blocks = [
  ...(await readFile(join(root, 'docs/es/guia.md'), 'utf8')).matchAll(/```bash\n([\s\S]*?)```/g),
].map((match) => match[1] as string)
const block = (part: string): string => {
  const found = blocks.find((text) => text.includes(part))
  assert(found, `the guide has no command with ${part}`)
  return found
}

let suite: Suite
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ait-guide-'))
  suite = await startSuite('together')
})
after(async () => {
  await suite.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Runs a block; gives back the last answer's status and body. */
async function guide(text: string, through: 'direct' | 'gateway', values: Record<string, string> = {}) {
  let command = text.replace(/\bcurl /g, `curl -sS -w '\\n%{http_code}\\n' `)
  for (const [port, name] of [
    ['8000', 'auth'],
    ['8001', 'gateway'],
    ['8002', 'storage'],
  ] as const)
    command = command.replaceAll(
      `http://localhost:${port}`,
      suite.url(through === 'gateway' ? 'gateway' : name),
    )
  for (const [from, to] of Object.entries(values)) command = command.replaceAll(from, to)
  const { stdout } = await run('bash', ['-c', command], { cwd: folder })
  const lines = stdout.trimEnd().split('\n')
  const status = Number(lines.pop())
  const body = lines.join('\n')
  return { status, body: lines.length === 1 && body.startsWith('{') ? JSON.parse(body) : body }
}

test('every service says that it is well', async () => {
  const { body } = await guide(block('/health'), 'direct')
  assert.equal(String(body).match(/^200$/gm)?.length, 3, String(body))
})

for (const through of ['direct', 'gateway'] as const) {
  describe(through, () => {
    const email = `${through}@example.com`
    let tokens: { access_token: string; refresh_token: string }

    test('register, login, refresh, profile', async () => {
      const registered = await guide(block('/register'), through, { 'user@example.com': email })
      assert.equal(registered.status, 201, JSON.stringify(registered.body))
      const login = await guide(block('/login'), through, { 'user@example.com': email })
      assert.equal(login.status, 200)
      assert.deepEqual(Object.keys(login.body).toSorted(), [
        'access_token',
        'expires_in',
        'refresh_token',
        'token_type',
      ])
      assert.equal(login.body.token_type, 'bearer')
      const refreshed = await guide(block('/refresh'), through, { 'eyJ...': login.body.refresh_token })
      assert.equal(refreshed.status, 200)
      tokens = refreshed.body
      const me = await guide(block('/auth/me'), through, { 'eyJ...': tokens.access_token })
      assert.equal(me.status, 200)
      assert.equal(me.body.email, email)
      assert.equal(me.body.full_name, 'Juan Pérez')
    })

    test('MFA enrolment gives a secret, its URL and its QR; Google says that it is not set up', async () => {
      const { status, body } = await guide(block('/mfa/enroll'), through, { 'eyJ...': tokens.access_token })
      assert.equal(status, 200, JSON.stringify(body))
      assert.match(JSON.stringify(body), /otpauth:\/\/totp\//)
      assert.match(JSON.stringify(body), /data:image\/svg\+xml/)
      assert.equal((await guide(block('/oauth/google'), through)).status, 503)
    })

    test('upload, list, metadata, download byte for byte, delete', async () => {
      const content = randomBytes(100_000)
      await writeFile(join(folder, 'document.pdf'), Buffer.concat([Buffer.from('%PDF-1.7\n'), content]))
      const auth = { 'eyJ...': tokens.access_token }
      const uploaded = await guide(block('/upload'), through, auth)
      assert.equal(uploaded.status, 201, JSON.stringify(uploaded.body))
      const named = { ...auth, 'file-id': uploaded.body.id }
      const list = await guide(block('files?folder='), through, auth)
      assert.deepEqual(
        list.body.items.map((file: { id: string }) => file.id),
        [uploaded.body.id],
      )
      const metadata = await guide(block('/metadata'), through, named)
      assert.equal(metadata.body.size, content.length + 9)
      assert.equal(
        (await guide(block('/download/'), through, { ...named, 'downloaded-file': `${through}-file` }))
          .status,
        200,
      )
      const read = (name: string) => readFile(join(folder, name))
      assert.deepEqual(await read(`${through}-file.pdf`), await read('document.pdf'))
      assert.equal((await guide(block('-X DELETE'), through, named)).status, 204)
      assert.equal((await guide(block('/metadata'), through, named)).status, 404)
    })
  })
}
