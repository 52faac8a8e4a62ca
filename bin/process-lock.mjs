import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'

/** A lock file is written right after it is made; until then it is empty for a moment. */
const beingWrittenMs = 2000

/**
 * What tells a process from a later one with the same number: when it started. Undefined when there is
 * no such process. Numbers are reused soon in containers, where each start gets the same small ones.
 */
export function processStart(pid) {
  if (process.platform === 'linux') {
    try {
      // Field 22 of proc(5) stat; the name, field 2, may hold blanks and brackets.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return fields[0] === 'Z' ? undefined : fields[19]
    } catch {
      return undefined
    }
  }
  const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout?.trim().replaceAll(' ', '_') || undefined
}

/**
 * Takes a lock for this process. A lock whose process is gone is taken over.
 * @returns `{ release }`, or `{ heldBy }`: the number of the process that has it.
 */
export function takeLock(path) {
  const mine = `${process.pid} ${processStart(process.pid)}\n`
  for (;;) {
    try {
      const file = openSync(path, 'wx', 0o644)
      writeSync(file, mine)
      closeSync(file)
      return { release: () => read(path) === mine && rmSync(path, { force: true }) }
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const found = read(path)
    if (found === undefined) continue
    const heldBy = lockHolder(path)
    if (heldBy !== undefined) return { heldBy }
    if (found === '' && ageMs(path) < beingWrittenMs) continue
    removeStale(path, found)
  }
}

/** The number of the process that has a lock; undefined when it is free or its process is gone. */
export function lockHolder(path) {
  const [pid, start] = (read(path) ?? '').trim().split(' ')
  return pid && processStart(pid) === start ? Number(pid) : undefined
}

// Two processes may find the same stale lock; renaming makes sure that neither removes the other's new one.
function removeStale(path, found) {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  if (read(aside) === found) rmSync(aside, { force: true })
  else renameSync(aside, path)
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function ageMs(path) {
  try {
    return Date.now() - statSync(path).mtimeMs
  } catch {
    return 0
  }
}
