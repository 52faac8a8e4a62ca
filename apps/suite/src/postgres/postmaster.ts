import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { processStart } from '../../../../bin/process-lock.mjs'
import { Trouble } from '../trouble.ts'

/** A fast shutdown that takes longer than this is cut short; PostgreSQL then recovers at the next start. */
const shutdownMs = 60_000

/** What a running PostgreSQL writes to `postmaster.pid`: its process, and whether it takes connections. */
export function readPostmaster(dataDir: string): { pid: number; ready: boolean } | undefined {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')
    const pid = Number(lines[0])
    return pid > 0 ? { pid, ready: lines[7]?.trim() === 'ready' } : undefined
  } catch {
    return undefined
  }
}

/**
 * Stops a PostgreSQL that outlived its suite (`kill -9`), so that there is never a second one on the
 * same data. A `postmaster.pid` whose number now belongs to another program is removed: PostgreSQL
 * itself only recognises numbers that nobody has.
 */
export async function clearPostmaster(dataDir: string, say: (line: string) => void): Promise<void> {
  const found = readPostmaster(dataDir)
  const start = found && processStart(found.pid)
  if (!found || start === undefined) return
  if (!isPostgresOf(found.pid, dataDir)) {
    rmSync(join(dataDir, 'postmaster.pid'), { force: true })
    return
  }
  say(`Stopping the PostgreSQL (process ${found.pid}) that an earlier start left running.`)
  await stopProcess(found.pid, dataDir, () => processStart(found.pid) !== start)
}

/** Fast shutdown: ends connections, writes everything, waits for the end. */
async function stopProcess(pid: number, dataDir: string, isGone: () => boolean): Promise<void> {
  const deadline = Date.now() + shutdownMs
  try {
    process.kill(pid, 'SIGINT')
    while (!isGone() && Date.now() < deadline) await sleep(20)
    if (isGone()) return
    process.kill(pid, 'SIGQUIT')
    while (!isGone() && Date.now() < deadline + 5000) await sleep(20)
  } catch {
    // It went in between; or it is not ours, which the check below tells.
  }
  if (!isGone())
    throw new Trouble(`PostgreSQL (process ${pid}) on ${dataDir} does not stop: stop it by hand.`)
}

function isPostgresOf(pid: number, dataDir: string): boolean {
  const command =
    process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      : spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout
  return command.includes('postgres') && command.includes(dataDir)
}
