import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { root } from '../../src/environment.ts'
import { readRun } from '../../src/run-file.ts'
import { until } from './until.ts'

const source = join(import.meta.dirname, '../../src')

export interface Outcome {
  status: number | null
  stdout: string
  stderr: string
}

/** A data folder with commands that run on it, each in a process of its own as people run them. */
export interface Installation {
  dataDir: string
  port: number
  run(
    command: 'start' | 'status' | 'logs' | 'stop' | 'seed',
    args?: string[],
    env?: NodeJS.ProcessEnv,
  ): Outcome
  /** `npm start` in the background; resolves once `status` would say that all is ready. */
  start(t: TestContext): Promise<Started>
}

export interface Started {
  child: ChildProcess
  output(): string
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

export async function installation(dataDir: string): Promise<Installation> {
  const port = await freePort()
  const env = {
    PATH: process.env['PATH'],
    NODE_COMPILE_CACHE: join(root, '.data/cache/node'),
    DATA_DIR: dataDir,
    HOST: '127.0.0.1',
    AUTH_PORT: String(port),
    SERVICES: 'auth',
  }
  return {
    dataDir,
    port,
    run: (command, args = [], extra = {}) =>
      spawnSync(process.execPath, [join(source, `${command}.ts`), ...args], {
        env: { ...env, ...extra },
        encoding: 'utf8',
        timeout: 30_000,
      }),
    async start(t) {
      const child = spawn(process.execPath, [join(source, 'start.ts')], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => (output += text))
      }
      const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
      t.after(async () => {
        child.kill('SIGTERM')
        await ended
      })
      await until(
        'the suite is ready',
        () => {
          if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${output}`)
          const run = readRun(dataDir)
          return run?.pid === child.pid && output.includes('\nReady after ')
        },
        30_000,
      )
      return { child, output: () => output, ended }
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
