import { relative, sep } from 'node:path'
import { root } from './environment.ts'
import { countWithin } from './frequency.ts'
import type { Logs } from './log-files.ts'

/** This many within `periodMs` are no accident any more. */
const mostCrashes = 10
const periodMs = 60_000

/**
 * Keeps the crash of one service from ending the others: errors that nobody caught are logged with the
 * service whose code they come from. Only when they do not stop coming is the suite ended.
 */
export function containCrashes(logs: Logs, giveUp: (error: unknown) => void): void {
  const count = countWithin(periodMs)
  const onCrash = (error: unknown, kind: string): void => {
    logs.of(serviceOf(error) ?? 'suite').error({ err: error, kind }, 'an error that nobody caught')
    if (count() >= mostCrashes) giveUp(error)
  }
  process.on('uncaughtException', onCrash)
  process.on('unhandledRejection', (reason) => onCrash(reason, 'unhandledRejection'))
}

/** The service whose folder the topmost of our own lines of the stack lies in. */
export function serviceOf(error: unknown): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  for (const [, path] of stack.matchAll(/(?:file:\/\/)?(\/[^\s:()]+):\d+/g)) {
    const [folder, name] = relative(root, path as string).split(sep)
    if (folder === 'services') return name
  }
  return undefined
}
