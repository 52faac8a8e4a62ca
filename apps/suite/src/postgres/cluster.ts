import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { errorCode, Trouble } from '../trouble.ts'
import { program } from './binaries.ts'
import type { Home } from './home.ts'

/** The administrator of the cluster. */
export const superuser = 'postgres'

/**
 * Makes the cluster on first use, so that it is there whole or not at all: it is made under another
 * name and renamed when it is complete.
 * @returns the administrator's password.
 * @throws Trouble when the cluster is of another major version, the disk is full, or the password is lost.
 */
export async function ensureCluster(home: Home, say: (line: string) => void): Promise<string> {
  removeUnfinished(home.path)
  const passwordFile = join(home.path, 'password')
  if (existsSync(home.dataDir)) {
    checkVersion(home)
    return readPassword(home.path)
  }
  say('Creating the database cluster (once).')
  const password = randomBytes(32).toString('base64url')
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flush: true })
  const unfinished = join(home.path, `unfinished-${process.pid}`)
  try {
    await fill(home, unfinished, password)
    renameSync(unfinished, home.dataDir)
    syncFolder(home.path)
  } finally {
    removeUnfinished(home.path)
  }
  return password
}

/** The administrator's password of the cluster in a home. */
export function readPassword(path: string): string {
  const file = join(path, 'password')
  if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  throw new Trouble(`${file}, the password of the database, is gone: bring it back from a backup.`)
}

/** What a killed first start left behind. Its initdb may still be writing: the next pass gets the rest. */
function removeUnfinished(path: string): void {
  for (const name of readdirSync(path).filter((entry) => entry.startsWith('unfinished-'))) {
    try {
      rmSync(join(path, name), { recursive: true, force: true })
    } catch (error) {
      if (errorCode(error) !== 'ENOTEMPTY') throw error
    }
  }
}

function checkVersion({ dataDir, binaries }: Home): void {
  const made = readFileSync(join(dataDir, 'PG_VERSION'), 'utf8').trim()
  if (made === binaries.major) return
  throw new Trouble(
    `The database in ${dataDir} was made by PostgreSQL ${made}; this suite brings ${binaries.major}. ` +
      `Write it out with PostgreSQL ${made} (pg_dumpall), move the folder away, start, and read it in with psql.`,
  )
}

async function fill(home: Home, target: string, password: string): Promise<void> {
  const { account } = home
  mkdirSync(target, { mode: 0o700 })
  const passwordFile = `${target}-password`
  try {
    writeFileSync(passwordFile, password, { mode: 0o600 })
    if (account) for (const path of [target, passwordFile]) chownSync(path, account.uid, account.gid)
    const { code, output } = await initdb(home, target, passwordFile)
    if (code !== 0) throw explainFailure(output, home.path, 'PostgreSQL could not create its cluster')
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

type Outcome = { code: number | null; output: string }

function initdb({ account, binaries }: Home, target: string, passwordFile: string): Promise<Outcome> {
  const options = {
    pgdata: target,
    username: superuser,
    auth: 'scram-sha-256',
    pwfile: passwordFile,
    encoding: 'UTF8',
    // PostgreSQL's own C.UTF-8: the same on every machine, whatever locales it has.
    'locale-provider': 'builtin',
    'builtin-locale': 'C.UTF-8',
    locale: 'C',
  }
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
  const child = spawn(program(binaries, 'initdb'), [...args, '--data-checksums'], {
    cwd: '/',
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(account && { uid: account.uid, gid: account.gid }),
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, output }))
  })
}

/** Turns PostgreSQL's own words into one line that says what to do. */
export function explainFailure(output: string, path: string, what: string): Trouble {
  if (/No space left on device|Disk quota exceeded/.test(output)) {
    return new Trouble(`The disk of ${path} is full: make room and start again.`)
  }
  const missing = /error while loading shared libraries: (\S+):/.exec(output)?.[1]
  if (missing)
    return new Trouble(`PostgreSQL needs ${missing}: install the package of your system that has it.`)
  const lines = output.split('\n').filter((line) => /\b(FATAL|PANIC|ERROR|error):/.test(line))
  const reason = lines.at(-1)?.replace(/^.*?\b(FATAL|PANIC|ERROR|error):\s*/, '')
  return new Trouble(`${what}: ${reason ?? output.trim().split('\n').at(-1) ?? 'no reason given'}`)
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  fsyncSync(folder)
  closeSync(folder)
}
