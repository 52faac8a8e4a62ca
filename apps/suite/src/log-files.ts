import { once } from 'node:events'
import { accessSync, constants, mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createLog } from '@ait/kit'
import { pino, type Logger } from 'pino'
import type { Environment } from './environment.ts'

/** A log file is moved to `<name>.log.1`, and the one before it forgotten, at this size. */
const largestBytes = 50 * 1024 * 1024
const lookEveryMs = 1000
/** What may wait in memory while the disk is slow or full; beyond it lines are dropped. */
const largestBacklogBytes = 8 * 1024 * 1024

export const logFolder = (dataDir: string): string => join(dataDir, 'logs')

export interface Logs {
  /** The log of a service, or of the suite itself. */
  of(name: string): Logger
  /** Writes out what is still in memory. */
  flush(): Promise<void>
}

interface Destination {
  stream: ReturnType<typeof pino.destination>
  opened: Promise<unknown>
}

/**
 * JSON logs: a file per service below `.data/logs`, or all on stdout with `LOG_TO=stdout`.
 * @param onWarning hears each line of level `warn` or higher, so that it can also be shown elsewhere.
 */
export function openLogs(
  env: Environment,
  dataDir: string,
  onWarning: (name: string, line: string) => void,
): Logs {
  const destinations = new Map<string, Destination>()
  const level = env['LOG_LEVEL'] || 'info'
  const toStdout = env['LOG_TO'] === 'stdout'
  if (!toStdout) {
    mkdirSync(logFolder(dataDir), { recursive: true, mode: 0o700 })
    accessSync(logFolder(dataDir), constants.W_OK)
    setInterval(() => rotateAll(dataDir, destinations), lookEveryMs).unref()
  }
  const destinationOf = (name: string): Destination['stream'] => {
    const key = toStdout ? 'stdout' : name
    const known = destinations.get(key)
    if (known) return known.stream
    const stream = pino.destination({
      ...(toStdout ? { fd: 1 } : { dest: join(logFolder(dataDir), `${name}.log`), mode: 0o600 }),
      sync: false,
      maxLength: largestBacklogBytes,
    })
    // A full disk must not take the services down with it.
    stream.on('error', () => {})
    destinations.set(key, { stream, opened: once(stream, 'ready').catch(() => {}) })
    return stream
  }

  return {
    of(name) {
      const stream = destinationOf(name)
      const write = (line: string): void => {
        stream.write(line)
        if (/^\{"level":"(warn|error|fatal)"/.test(line)) onWarning(name, line)
      }
      return createLog(level, { write })
    },
    async flush() {
      for (const { stream, opened } of destinations.values()) {
        await opened
        try {
          stream.flushSync()
        } catch {
          // The disk is full, or stdout is closed: nothing more can be done here.
        }
      }
    },
  }
}

function rotateAll(dataDir: string, destinations: Map<string, Destination>): void {
  for (const [name, { stream }] of destinations) {
    if (rotate(join(logFolder(dataDir), `${name}.log`))) stream.reopen()
  }
}

/** Moves a log file out of the way once it is large; whether it did. */
export function rotate(path: string, largest = largestBytes): boolean {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size < largest) return false
  renameSync(path, `${path}.1`)
  return true
}
