import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { processStart } from '../../../bin/process-lock.mjs'
import { root } from '../src/environment.ts'
import { temporaryFolder } from './support/folder.ts'
import { until } from './support/until.ts'

const launcher = join(import.meta.dirname, 'support/launcher.mjs')

function handOver(script: string, ...args: string[]): [ChildProcessByStdio<null, Readable, null>, Interface] {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'script.ts'), script)
  const child = spawn(process.execPath, [launcher, folder, 'script.ts', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return [child, createInterface(child.stdout)]
}

const waiting = `
  let count = 0
  process.on('SIGINT', () => console.log('SIGINT', ++count))
  process.on('disconnect', () => process.exit())
  console.log(process.pid)
  setInterval(() => {}, 60_000)`

test('arguments, the pinned Node first on the PATH, and the exit code pass through', async () => {
  const [child, lines] = handOver(
    `console.log(JSON.stringify([process.argv.slice(2), process.env.PATH, process.env.NODE_COMPILE_CACHE])); process.exit(7)`,
    'auth',
    '--x=a b',
  )
  const [line] = await once(lines, 'line')
  const [args, path, cache] = JSON.parse(line)
  assert.deepEqual(args, ['auth', '--x=a b'])
  assert.ok(path.startsWith(`${dirname(process.execPath)}:`))
  assert.ok(cache)
  assert.deepEqual(await once(child, 'exit'), [7, null])
})

test('Ctrl-C that arrives twice at once, as under npm, is passed on once', async () => {
  const [child, lines] = handOver(waiting)
  await once(lines, 'line')
  const heard: string[] = []
  lines.on('line', (line) => heard.push(line))
  child.kill('SIGINT')
  child.kill('SIGINT')
  await once(lines, 'line')
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGTERM'])
  assert.deepEqual(heard, ['SIGINT 1'])
})

test('kill -9 of the launcher is noticed by what it started', async () => {
  const [child, lines] = handOver(waiting)
  const [pid] = await once(lines, 'line')
  child.kill('SIGKILL')
  await until('the script has ended', () => processStart(Number(pid)) === undefined)
})

test('an unknown command lists the commands', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'bin/ait.mjs'), 'sTart'], {
    encoding: 'utf8',
  })
  assert.equal(status, 2)
  assert.match(stderr, /^No command "sTart"\. Commands of node bin\/ait\.mjs:\n {2}start /)
})

/** A project of one package, with an npm that does what the script says. */
function project(npm: string): {
  folder: string
  run(): { status: number | null; stderr: string; stdout: string }
} {
  const folder = temporaryFolder()
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true })
  const lock = { packages: { '': {}, 'node_modules/one': { version: '1.0.0', integrity: 'sha512-x' } } }
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock))
  mkdirSync(join(folder, 'apps/suite/src'), { recursive: true })
  writeFileSync(join(folder, 'apps/suite/src/seed.ts'), `console.log('seeded')`)
  mkdirSync(join(folder, 'path'))
  writeFileSync(
    join(folder, 'path/npm'),
    `#!/bin/sh\ncase $1 in ci) ;; *) exit 0;; esac\necho "$@" >> ${folder}/called\n${npm}\n`,
  )
  chmodSync(join(folder, 'path/npm'), 0o755)
  const env = { PATH: `${folder}/path:/usr/bin:/bin` }
  const run = () =>
    spawnSync(process.execPath, [join(folder, 'bin/ait.mjs'), 'seed'], { encoding: 'utf8', env, cwd: folder })
  return { folder, run }
}

const platformPackage = `node_modules/${process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'}-${process.platform}-${process.arch}`
const goodInstall = `
  mkdir -p ${platformPackage}/bin && ln -sf ${process.execPath} ${platformPackage}/bin/node
  cp package-lock.json node_modules/.package-lock.json`

test('installs on first use, not again, and anew when the lock file has changed', () => {
  const { folder, run } = project(goodInstall)
  const first = run()
  assert.match(first.stderr, /^Installing the packages .*\nInstalled in \d+ s\.\n$/s)
  assert.deepEqual([first.status, first.stdout], [0, 'seeded\n'])
  const second = run()
  assert.deepEqual([second.status, second.stdout, second.stderr], [0, 'seeded\n', ''])

  const lock = { packages: { '': {}, 'node_modules/one': { version: '1.0.1', integrity: 'sha512-y' } } }
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock))
  assert.match(run().stderr, /^Installing /)
  assert.equal(run().stderr, '')
})

test('a failing installation is one clear line and a code, and the next start tries again', () => {
  const { run } = project('echo "npm error code EAI_AGAIN" >&2; exit 1')
  for (const { status, stderr } of [run(), run()]) {
    assert.equal(status, 1)
    assert.match(
      stderr,
      /npm error code EAI_AGAIN\nnpm ci ended with code 1; the reason is above\. Put it right and try again\.\n$/,
    )
  }
})

test('a pinned Node that lacks a library says which package to install', () => {
  const { run } = project(`
    mkdir -p ${platformPackage}/bin
    printf '#!/bin/sh\\necho "node: error while loading shared libraries: libatomic.so.1: cannot open" >&2; exit 127' > ${platformPackage}/bin/node
    chmod +x ${platformPackage}/bin/node
    cp package-lock.json node_modules/.package-lock.json`)
  const { status, stderr } = run()
  assert.equal(status, 1)
  assert.match(stderr, /\nNode 26 needs libatomic\.so\.1: install libatomic1 .*\n$/)
})
