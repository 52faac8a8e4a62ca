import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Shell {
  /** Runs commands; resolves to what they print. @throws Error with all output when one of them fails. */
  run(commands: string): Promise<string>
  close(): Promise<void>
}

const end = '--- end of the block ---'

/** A terminal in which blocks run one after the other and keep their variables. */
export function openShell(cwd: string, env: NodeJS.ProcessEnv): Shell {
  const bash = spawn('bash', [], { cwd, env, stdio: 'pipe' })
  const exited = once(bash, 'exit')
  let output = ''
  let errors = ''
  bash.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  bash.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  return {
    async run(commands) {
      output = ''
      errors = ''
      // What ends the shell is known by its exit code; a pipe fails with any of its parts.
      bash.stdin.write(`set -eo pipefail\n${commands}\nset +e\nprintf '\\n%s\\n' '${end}'\n`)
      while (!output.includes(`\n${end}\n`)) {
        const ended = await Promise.race([
          once(bash.stdout, 'data').then(() => false),
          exited.then(() => true),
        ])
        if (ended) throw new Error(`the commands failed:\n${commands}\n${output}\n${errors}`)
      }
      return output.slice(0, output.indexOf(`\n${end}\n`)).trim()
    },
    async close() {
      bash.stdin.end()
      await exited
    },
  }
}

export interface Background {
  /** What it has printed until now. */
  output(): string
  hasEnded(): boolean
  /** Asks it to end, as Ctrl-C does, and waits for that. */
  stop(): Promise<void>
}

/** A second terminal with a command that keeps running. */
export function runInBackground(command: string, cwd: string, env: NodeJS.ProcessEnv): Background {
  // A process group of its own, so that the signal reaches everything in it, as at a terminal.
  const child = spawn('bash', ['-c', command], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  return {
    output: () => output,
    hasEnded,
    async stop() {
      if (!hasEnded()) process.kill(-(child.pid as number), 'SIGTERM')
      await exited
    },
  }
}
