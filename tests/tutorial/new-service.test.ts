import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { namesOf, portFor } from '../../scripts/new-service/names.ts'
import { copyRepository, type Copy } from './copy.ts'

let copy: Copy
before(async () => {
  copy = await copyRepository()
})
after(() => copy.remove())

/** Runs Node in the copy. */
function node(args: string[], extra: NodeJS.ProcessEnv = {}): Promise<{ code: number; output: string }> {
  // Set by the runner of this test for its own processes.
  const { NODE_TEST_CONTEXT: _, npm_execpath: _npm, ...env } = process.env
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      args,
      { cwd: copy.folder, env: { ...env, ...extra } },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    )
  })
}

const newService = (...args: string[]) => node(['scripts/new-service.ts', ...args])
const read = (path: string) => readFile(join(copy.folder, path), 'utf8')
const files = async (folder: string) =>
  (await readdir(join(copy.folder, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

test('a new service passes its tests as it is, and the suite knows it', async () => {
  const made = await newService('meeting-rooms')
  assert.equal(made.code, 0, made.output)
  assert.match(made.output, /port 8022, database meeting_rooms_db/)
  assert.equal(made.output.trim().split('\n').length, 3)
  const tests = await node(['--test', 'services/meeting-rooms/test/*.test.ts'])
  assert.equal(tests.code, 0, tests.output)
  assert.match(await read('packages/client/src/catalogue.gen.ts'), /"meeting-rooms"/)
  assert.match(await read('packages/client/src/services.gen.ts'), /meetingRoomsClient/)
  assert.match(await read('apps/suite/package.json'), /"@ait\/meeting-rooms": "0\.1\.0"/)
  assert.match(await read('package-lock.json'), /"resolved": "services\/meeting-rooms"/)
  assert.match(await read('docs/environment.md'), /`MEETING_ROOMS_KEEP_DONE_DAYS`/)
  assert.match(await read('services/meeting-rooms/service.ts'), /title: 'Meeting rooms'/)
  const format = await node(['node_modules/oxfmt/bin/oxfmt', '--check', 'services/meeting-rooms'])
  assert.equal(format.code, 0, format.output)
})

test('nothing in it is still called like the template', async () => {
  for (const path of await files('services/meeting-rooms')) {
    const left = (await readFile(path, 'utf8')).match(/example(?!: \{)(?!\.com)|8099/gi)
    assert.equal(left, null, path)
  }
})

test('the next one gets the next port, or the one that is asked for', async () => {
  const next = await newService('parcels')
  assert.match(next.output, /services\/parcels is there: port 8023,/)
  const asked = await newService('visits', '8050')
  assert.match(asked.output, /services\/visits is there: port 8050,/)
  assert.match(await read('services/visits/service.ts'), /port: 8050,/)
})

test('what cannot be is refused in a line, and nothing is made', async () => {
  const before = await files('services')
  for (const [args, message] of [
    [['../evil'], /cannot be the name of a service/],
    [['kit'], /The name kit is taken/],
    [['tickets', '8000'], /Port 8000 belongs to auth/],
  ] as const) {
    const { code, output } = await newService(...args)
    assert.equal(code, 1, output)
    assert.match(output, message)
    assert.equal(output.trim().split('\n').length, 1, output)
  }
  assert.equal((await newService()).code, 2)
  assert.deepEqual(await files('services'), before)
})

test('when npm fails, everything is as before', async () => {
  const paths = ['apps/suite/package.json', 'package-lock.json', 'packages/client/src/catalogue.gen.ts']
  const before = await Promise.all(paths.map(read))
  const failing = join(copy.folder, 'npm-cli.js')
  await writeFile(failing, 'process.exit(7)')
  const { code, output } = await node(['scripts/new-service.ts', 'tickets'], { npm_execpath: failing })
  assert.equal(code, 1)
  assert.match(output, /npm install ended with code 7/)
  assert(!existsSync(join(copy.folder, 'services/tickets')))
  assert.deepEqual(await Promise.all(paths.map(read)), before)
})

test('a name gives folder, title, prefix and database', () => {
  assert.deepEqual(namesOf('meeting-rooms', []), {
    name: 'meeting-rooms',
    title: 'Meeting rooms',
    prefix: 'MEETING_ROOMS_',
    database: 'meeting_rooms_db',
  })
  for (const bad of ['', 'a b', 'a_b', 'a--b', '-a', 'a-', '1a', 'ñu', 'catalogue', 'x'.repeat(41)])
    assert.throws(() => namesOf(bad, []), bad)
})

test('a port is free and can be listened on', () => {
  const used = new Map([
    [8000, 'auth'],
    [8022, 'errands'],
    [8023, 'parcels'],
  ])
  assert.equal(portFor(undefined, used), 8024)
  assert.equal(portFor('9000', used), 9000)
  for (const bad of ['8000', '0', '1023', '32768', '99999', '8e3', 'x', '-1'])
    assert.throws(() => portFor(bad, used), bad)
})
