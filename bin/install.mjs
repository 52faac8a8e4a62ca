import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pinnedNode } from './pinned-node.mjs'
import { takeLock } from './process-lock.mjs'
import { SetupError } from './setup-error.mjs'

const say = (line) => console.error(line)

/** Installs the packages on first use, and again when package-lock.json has changed since. */
export async function ensureInstalled(root, needs) {
  if (isInstalled(root, needs)) return
  const lock = await waitForLock(root)
  try {
    if (!isInstalled(root, needs)) await install(root)
  } finally {
    lock.release()
  }
  if (!isInstalled(root, needs)) {
    throw new SetupError(
      'npm left packages out: set neither "omit" nor NPM_CONFIG_OMIT, delete node_modules and try again.',
    )
  }
}

/**
 * Compares package-lock.json with npm's own record of what it installed, which npm writes last: an
 * install that was cut off, or one made before a change of the lock file, does not count.
 */
function isInstalled(root, needs) {
  if (!existsSync(pinnedNode(root))) return false
  if (needs === 'whatever is there') return true
  const wanted = readPackages(join(root, 'package-lock.json'))
  if (!wanted)
    throw new SetupError(
      'package-lock.json is missing or broken: restore it (git checkout package-lock.json).',
    )
  const installed = readPackages(join(root, 'node_modules/.package-lock.json'))
  if (!installed) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes('node_modules/')) return true
    const there = installed[path]
    if (!there) return entry.optional || entry.devOptional || (entry.dev && needs !== 'development')
    return there.version === entry.version && there.integrity === entry.integrity && there.link === entry.link
  })
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch {
    return undefined
  }
}

async function waitForLock(root) {
  const folder = join(root, '.data')
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (let told = false; ; told = true) {
      const lock = takeLock(join(folder, 'install.lock'))
      if (lock.heldBy === undefined) return lock
      if (!told) say(`Another command (process ${lock.heldBy}) is installing the packages; waiting for it.`)
      await sleep(500)
    }
  } catch (error) {
    throw new SetupError(
      `${folder} cannot be written (${error.code}): give this user the right to write there.`,
    )
  }
}

async function install(root) {
  const npm = findNpm()
  const packages = Object.keys(readPackages(join(root, 'package-lock.json')) ?? {}).length
  say(`Installing the packages that the suite is made of (up to ${packages}; once, about a minute).`)
  const start = Date.now()
  // Without install scripts: nothing here needs one, and npm 12 blocks them, so all versions do the same.
  const args = [
    ...npm.args,
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
  ]
  const child = spawn(npm.command, [...args, '--no-progress', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_ENV: '' },
  })
  const seconds = () => Math.round((Date.now() - start) / 1000)
  const ticker = setInterval(() => say(`  … ${countPackages(root)} packages, ${seconds()} s`), 3000)
  const cancel = () => child.kill('SIGTERM')
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, cancel)
  const code = await new Promise((resolve) => child.on('error', () => resolve(127)).on('exit', resolve))
  for (const signal of signals) process.off(signal, cancel)
  clearInterval(ticker)
  if (code === null) throw new SetupError('Installation cancelled. The next start begins it anew.')
  if (code !== 0)
    throw new SetupError(`npm ci ended with code ${code}; the reason is above. Put it right and try again.`)
  say(`Installed in ${seconds()} s.`)
}

/** npm as the one that called us, else the one on the PATH. */
function findNpm() {
  const caller = process.env.npm_execpath
  if (caller && basename(caller) === 'npm-cli.js') return { command: process.execPath, args: [caller] }
  if (spawnSync('npm', ['--version']).status !== 0) {
    throw new SetupError(
      'npm was not found: install it (it comes with Node from https://nodejs.org; on Debian: apt-get install npm).',
    )
  }
  return { command: 'npm', args: [] }
}

const list = (folder) => (existsSync(folder) ? readdirSync(folder) : [])

/** Packages whose files have arrived: npm makes all folders first and fills them then. */
function countPackages(root) {
  const modules = join(root, 'node_modules')
  return list(modules)
    .flatMap((name) =>
      name.startsWith('@') ? list(join(modules, name)).map((part) => join(name, part)) : [name],
    )
    .filter((name) => existsSync(join(modules, name, 'package.json'))).length
}
