import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { Trouble } from '../trouble.ts'

/** The account that PostgreSQL runs as. */
export interface Account {
  name: string
  uid: number
  gid: number
}

/**
 * PostgreSQL refuses to run as root: picks another account. A cluster that is there is run by its owner.
 * @returns undefined when this process is not root: PostgreSQL then runs as the same user.
 */
export function findAccount(dataDir: string): Account | undefined {
  const owner = statSync(dataDir, { throwIfNoEntry: false })
  const me = process.getuid?.()
  if (me !== 0) {
    if (owner && owner.uid !== me) {
      throw new Trouble(`${dataDir} belongs to user ${owner.uid}: start as that user, or as root.`)
    }
    return undefined
  }
  if (owner) return { name: `user ${owner.uid}`, uid: owner.uid, gid: owner.gid }
  for (const name of ['postgres', '_postgres', 'nobody']) {
    const uid = idOf('-u', name)
    const gid = idOf('-g', name)
    if (uid !== undefined && gid !== undefined) return { name, uid, gid }
  }
  throw new Trouble(
    'PostgreSQL does not run as root and there is no user postgres or nobody: ' +
      'create one (useradd --system postgres), or start the suite as a normal user.',
  )
}

// `| 0`: nobody is 4294967294 on macOS, which system calls and Node know as -2.
function idOf(option: '-u' | '-g', name: string): number | undefined {
  const { status, stdout } = spawnSync('id', [option, name], { encoding: 'utf8' })
  return status === 0 ? Number(stdout) | 0 : undefined
}

/** Whether the account may work in the folder: all folders above it have to let it pass. */
export function canEnter(account: Account, folder: string): boolean {
  return succeeds(account, '/bin/sh', ['-c', 'cd "$1"', 'sh', folder])
}

/** Whether the account may run the program. */
export const canRun = (account: Account, path: string): boolean => succeeds(account, path, ['--version'])

const succeeds = ({ uid, gid }: Account, command: string, args: string[]): boolean =>
  spawnSync(command, args, { uid, gid, cwd: '/', stdio: 'ignore' }).status === 0
