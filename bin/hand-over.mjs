import { spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'

/** Ctrl-C arrives from the terminal and again from npm: within this time it is one press. */
const samePressMs = 250

/**
 * Runs a script under the pinned Node and ends as it ends.
 *
 * The child has a process group of its own, so that Ctrl-C, which a terminal sends to the whole group,
 * reaches it once, through here. The IPC channel tells it when this process has been killed.
 */
export function handOver({ root, node, script, args }) {
  const child = spawn(node, [join(root, script), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
    env: {
      ...process.env,
      PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, '.data/cache/node'),
    },
  })
  const forwarded = { SIGINT: 0, SIGTERM: 0, SIGHUP: 0 }
  for (const signal of Object.keys(forwarded)) {
    process.on(signal, () => {
      if (Date.now() - forwarded[signal] > samePressMs) child.kill(signal)
      forwarded[signal] = Date.now()
    })
  }
  return new Promise((_, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (signal === null) process.exit(code)
      for (const name of Object.keys(forwarded)) process.removeAllListeners(name)
      process.kill(process.pid, signal)
    })
  })
}
