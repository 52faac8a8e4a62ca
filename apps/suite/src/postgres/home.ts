import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { letPass } from '../files.ts'
import { Trouble } from '../trouble.ts'
import { canEnter, canRun, findAccount, type Account } from './account.ts'
import { copyBinaries, findBinaries, program, type Binaries } from './binaries.ts'

/**
 * Where PostgreSQL lives: `<path>/data` is the cluster, `<path>/password` its administrator's password,
 * `<path>/port` the port it got.
 */
export interface Home {
  path: string
  dataDir: string
  binaries: Binaries
  account: Account | undefined
}

/** Accounts other than root cannot enter a clone below, say, `/root`: the cluster then lives below this. */
const elsewhereRoot = '/var/lib/ait-suite'

/**
 * Prepares the folder of the cluster. Under root it may lie elsewhere: the file `elsewhere` in `folder`
 * then says where.
 */
export function prepareHome(folder: string, say: (line: string) => void): Home {
  mkdirSync(folder, { recursive: true })
  let path = homeOf(folder)
  let account = findAccount(join(path, 'data'))
  letPass(folder)
  if (account && !canEnter(account, path)) {
    path = join(elsewhereRoot, createHash('sha256').update(path).digest('hex').slice(0, 12))
    mkdirSync(path, { recursive: true })
    for (const each of [elsewhereRoot, path]) letPass(each)
    account = findAccount(join(path, 'data')) as Account
    if (!existsSync(join(path, 'data'))) {
      say(`${account.name}, who runs PostgreSQL, cannot enter ${folder}: the database goes to ${path}.`)
    }
  }
  const found = findBinaries()
  const reachable = !account || canRun(account, program(found, 'postgres'))
  const binaries = reachable ? found : copyBinaries(found, path)
  return { path, dataDir: join(path, 'data'), binaries, account }
}

/**
 * The home of a folder: itself, or the one that it points to.
 * @throws Trouble when that one is gone: an empty database in its place would look like lost data.
 */
export function homeOf(folder: string): string {
  const pointer = join(folder, 'elsewhere')
  if (!existsSync(pointer)) return realpathSync(folder)
  const path = readFileSync(pointer, 'utf8').trim()
  if (existsSync(join(path, 'data'))) return path
  throw new Trouble(
    `The database is kept in ${path} and that is gone: bring it back, or delete ${pointer} to begin with an empty one.`,
  )
}

/** Remembers a home that lies elsewhere, once the cluster is there. */
export function pointTo(home: Home, folder: string): void {
  if (home.path === realpathSync(folder)) return
  writeFileSync(join(folder, 'elsewhere'), `${home.path}\n`, { flush: true })
}
