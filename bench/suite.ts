import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { unlimited } from './ours.ts'
import type { Bench } from './part.ts'
import { freePort, startServer, type Server } from './process.ts'

const start = join(import.meta.dirname, '../apps/suite/src/start.ts')
const names = ['auth', 'gateway', 'storage'] as const
type Name = (typeof names)[number]

export interface Suite {
  server: Server
  url(service: Name): string
  /** Start of the process until every service was healthy. */
  bootMs: number
}

/**
 * Starts the suite as people do: one process, its own embedded PostgreSQL, logs and metrics on. Its data lie in
 * `folder`; a second start takes them up.
 */
export async function startSuite({ folder }: Bench, env: NodeJS.ProcessEnv = {}): Promise<Suite> {
  const ports = new Map<Name, number>()
  for (const name of names) ports.set(name, await freePort())
  const url = (name: Name): string => `http://127.0.0.1:${ports.get(name)}`
  const began = performance.now()
  const server = await startServer([process.execPath, start], {
    port: ports.get('gateway') as number,
    logFile: join(folder, 'suite.log'),
    env: {
      DATA_DIR: join(folder, 'suite'),
      HOST: '127.0.0.1',
      ...Object.fromEntries(names.map((name) => [`${name.toUpperCase()}_PORT`, String(ports.get(name))])),
      ...unlimited,
      ...env,
    },
  })
  for (const name of names) await untilHealthy(url(name))
  return { server, url, bootMs: performance.now() - began }
}

async function untilHealthy(url: string): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    const answer = await fetch(`${url}/health`).catch(() => null)
    await answer?.body?.cancel()
    if (answer?.status === 200) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${url} does not become healthy`)
}

/** Registers a person and signs them in; resolves to the access token. */
export async function newToken(suite: Suite): Promise<string> {
  const email = `bench-${randomBytes(4).toString('hex')}@example.com`
  const password = randomBytes(12).toString('base64url')
  const send = async (path: string, body: object): Promise<Record<string, string>> => {
    const answer = await fetch(`${suite.url('gateway')}/api/v1/auth/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as Record<string, string>
  }
  await send('register', { email, password, full_name: 'Bench Mark' })
  return (await send('login', { email, password }))['access_token'] as string
}
