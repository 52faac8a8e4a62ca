import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A server under measurement, in a process of its own. */
export interface Server {
  pid: number
  /** What it sent its parent before it listened. */
  told: unknown
  stop(): Promise<void>
}

const startMs = 30_000

/**
 * Starts a program and waits until its port takes connections. Its output goes to a file, as logs do
 * in earnest: a pipe would have the benchmark's own process read them.
 */
export async function startServer(
  command: readonly [string, ...string[]],
  options: { port: number; logFile: string; env?: NodeJS.ProcessEnv; cwd?: string },
): Promise<Server> {
  const log = openSync(options.logFile, 'a')
  const [program, ...args] = command
  const child = spawn(program, args, {
    stdio: ['ignore', log, log, 'ipc'],
    env: { ...process.env, ...options.env },
    ...(options.cwd && { cwd: options.cwd }),
  })
  const ended = once(child, 'exit')
  let told: unknown
  child.on('message', (message) => (told = message))
  await Promise.race([
    untilListening(options.port),
    ended.then(() =>
      Promise.reject(new Error(`${program} ended:\n${readFileSync(options.logFile, 'utf8')}`)),
    ),
  ])
  return {
    pid: child.pid as number,
    told,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function untilListening(port: number): Promise<void> {
  for (const deadline = Date.now() + startMs; Date.now() < deadline; await sleep(20)) {
    const socket = connect(port, '127.0.0.1')
    const listens = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (listens) return
  }
  throw new Error(`nothing listens on ${port} after ${startMs / 1000} s`)
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Whether a program is there. */
export const hasProgram = (name: string, ...args: string[]): boolean =>
  spawnSync(name, args).error === undefined

/** proc(5) counts CPU time in ticks of a hundredth of a second on every Linux there is. */
const secondsPerTick = 0.01

/** CPU seconds that a process has used, all threads, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Fields 14 and 15; the name, field 2, may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * secondsPerTick
}

/** Memory of a process in MiB: now, and the most since the last `forgetPeak`. */
export function memoryMib(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
  return { now: read('VmRSS'), peak: read('VmHWM') }
}

/** Has the kernel count the peak of a process's memory from now on (proc(5), clear_refs). */
export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5')
