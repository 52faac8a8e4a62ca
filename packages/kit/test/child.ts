import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestService } from '@ait/testing'

export interface Child {
  process: ChildProcess
  /** Waits for a line of stdout that begins so; gives what comes after. */
  says(word: string): Promise<string>
  /** Exit code or signal. */
  ended: Promise<number | string | null>
}

/** Starts `fixtures/child.ts` on the database of `service`. */
export function startChild(service: TestService, extra: Record<string, string> = {}): Child {
  const url = service.service.runtime.platform.env['KITNOTES_DATABASE_URL'] as string
  const child = spawn(process.execPath, [join(import.meta.dirname, 'fixtures/child.ts')], {
    env: { ...process.env, KITNOTES_DATABASE_URL: url, ...extra },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const reader = createInterface(child.stdout as NodeJS.ReadableStream).on(
    'line',
    (line) => void lines.push(line),
  )
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string | null)
  return {
    process: child,
    ended,
    async says(word) {
      for (;;) {
        const found = lines.find((line) => line.startsWith(word))
        if (found !== undefined) return found.slice(word.length).trim()
        const end = await Promise.race([once(reader, 'line').then(() => undefined), ended])
        if (end !== undefined) throw new Error(`ended with ${end} before it said ${word}`)
      }
    },
  }
}
