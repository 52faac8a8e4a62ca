import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const variable = 'AIT_TEST_RUN'
const patienceMs = 10_000

/**
 * Marks, through the environment, every process started from now on. `end` ends those that are left:
 * the suites and servers of test files that were stopped half-way. It finds them on Linux only.
 */
export function markDescendants(): { end(): Promise<void> } {
  const mark = `${variable}=${randomUUID()}`
  process.env[variable] = mark.slice(variable.length + 1)
  return {
    async end() {
      const deadline = Date.now() + patienceMs
      for (let signal: NodeJS.Signals = 'SIGTERM'; ;) {
        const left = marked(mark)
        if (left.length === 0) return
        if (Date.now() > deadline) signal = 'SIGKILL'
        for (const pid of left) kill(pid, signal)
        await sleep(100)
      }
    },
  }
}

function marked(mark: string): number[] {
  if (!existsSync('/proc/self/environ')) return []
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && environmentOf(pid).includes(mark))
}

// This process's own `environ` does not show what was added later; others may end while we look.
function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended meanwhile.
  }
}
