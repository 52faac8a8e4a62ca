import { hostname } from 'node:os'

/** No upload stays silent this long: the server's own time limits end it first. */
const SILENT_MS = 60 * 60 * 1000

const started = (): string => String(Math.floor(performance.timeOrigin))

/**
 * A temporary file says who writes it, so that a restart after a crash can remove at once what its predecessor left,
 * without touching the uploads of a living replica that shares the same volume.
 */
export function temporaryName(unique: string): string {
  return [hostname(), process.pid, started(), unique].join('~')
}

/** Whether the writer of this temporary file is gone, judged by its name and when it was last written to. */
export function isLeftover(name: string, lastWrite: Date): boolean {
  if (Date.now() - lastWrite.getTime() > SILENT_MS) return true
  const [host, pid, start] = name.split('~')
  if (host !== hostname()) return false
  if (Number(pid) === process.pid) return start !== started()
  return !isAlive(Number(pid))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
