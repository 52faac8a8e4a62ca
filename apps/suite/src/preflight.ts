import { accessSync, constants, existsSync, mkdirSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { letPass } from './files.ts'
import { tryPort, whoListens } from './ports.ts'
import { errorCode, Trouble } from './trouble.ts'

const leastFreeBytes = 500 * 1024 * 1024

/** Looks before anything is started whether the data can be written. */
export function checkDataDir(dataDir: string, leastFree = leastFreeBytes): void {
  try {
    // Not recursive where it need not be: below /proc, Node never comes back from a recursive mkdir.
    if (!existsSync(dataDir)) mkdirSync(dataDir, { recursive: !existsSync(dirname(dataDir)), mode: 0o700 })
    letPass(dataDir)
    accessSync(dataDir, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new Trouble(
      `${dataDir} cannot be written (${errorCode(error)}): give this user the right, or set DATA_DIR to another folder.`,
    )
  }
  const { bavail, bsize } = statfsSync(dataDir)
  const free = bavail * bsize
  if (free >= leastFree) return
  throw new Trouble(
    `The disk of ${dataDir} has only ${mb(free)} left; the suite needs ${mb(leastFree)} to start. Make room, or set DATA_DIR to a folder on another disk.`,
  )
}

const mb = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024)} MB`

/** Looks whether each service can have its port. */
export async function checkPorts(services: { name: string; port: number }[], host: string): Promise<void> {
  for (const { name, port } of services) {
    const reason = await tryPort(port, host)
    if (reason === undefined) continue
    if (reason === 'EADDRINUSE') {
      const who = whoListens(port)
      throw new Trouble(
        `Port ${port} (${name}) is taken${who ? ` by ${who}` : ''}: stop that and start again.`,
      )
    }
    throw new Trouble(
      `Port ${port} (${name}) on ${host} cannot be opened (${reason}): check HOST and the rights of this user.`,
    )
  }
}
