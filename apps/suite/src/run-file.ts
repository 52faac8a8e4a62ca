import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lockHolder, takeLock } from '../../../bin/process-lock.mjs'
import { replaceFile } from './files.ts'
import { Trouble } from './trouble.ts'

export type ServiceState = 'starting' | 'ready' | 'stopping'

/** What `status`, `stop` and `logs` know about a running suite: `.data/run.json`. */
export interface Run {
  pid: number
  /** RFC 3339 */
  started_at: string
  services: { name: string; port: number; url: string; docs: string; state: ServiceState }[]
}

const runPath = (dataDir: string): string => join(dataDir, 'run.json')
const lockPath = (dataDir: string): string => join(dataDir, 'run.lock')

/** The right to run on these data: only one suite at a time has it. */
export interface Claim {
  write(services: Run['services']): void
  /** Gives the data free. */
  release(): void
}

/** @throws Trouble when another suite runs on these data. One that was killed does not count. */
export function claim(dataDir: string): Claim {
  const lock = takeLock(lockPath(dataDir))
  if (lock.heldBy !== undefined) {
    throw new Trouble(
      `A suite is running on ${dataDir} already (process ${lock.heldBy}): see npm run status, or npm run stop.`,
    )
  }
  const started_at = new Date().toISOString()
  return {
    write(services) {
      const run: Run = { pid: process.pid, started_at, services }
      replaceFile(runPath(dataDir), JSON.stringify(run, null, 2))
    },
    release() {
      rmSync(runPath(dataDir), { force: true })
      lock.release()
    },
  }
}

/** The suite that runs on these data, if one does. */
export function readRun(dataDir: string): Run | undefined {
  const pid = lockHolder(lockPath(dataDir))
  if (pid === undefined) return undefined
  try {
    const run = JSON.parse(readFileSync(runPath(dataDir), 'utf8')) as Run
    if (run.pid === pid) return run
  } catch {
    // It has only just begun.
  }
  return { pid, started_at: '', services: [] }
}
