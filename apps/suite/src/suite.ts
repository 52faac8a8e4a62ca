import {
  createDirectory,
  startService,
  type Platform,
  type RunningService,
  type ServiceInfo,
  type ServiceManifest,
} from '@ait/kit'
import { catalogue } from '@ait/client'
import type { Environment } from './environment.ts'
import type { Logs } from './log-files.ts'
import { adviceFor } from './terminal.ts'
import { Trouble } from './trouble.ts'

/** Services that run in this process. */
export interface Suite {
  services: readonly RunningService[]
  /** Lets requests and jobs under way come to their end. */
  stop(): Promise<void>
}

/**
 * Starts services together: each ready, none listening yet.
 * @throws the first failure, when any service cannot start; the others are stopped again then.
 */
export async function startSuite(
  manifests: readonly ServiceManifest[],
  env: Environment,
  dataDir: string,
  logs: Logs,
): Promise<Suite> {
  const running = new Map<string, RunningService>()
  const services = createDirectory(catalogue as readonly ServiceInfo[], running, env)
  const platformOf = (name: string): Platform => ({
    env,
    dataDir,
    services,
    log: logs.of(name),
    now: () => new Date(),
  })
  // Auth first: the others follow its keys and its list of ended sessions from their beginning.
  for (const isAuth of [true, false]) {
    const wave = manifests.filter(({ name }) => (name === 'auth') === isAuth)
    const results = await Promise.allSettled(
      wave.map((manifest) => startService(manifest, platformOf(manifest.name))),
    )
    for (const { value } of results.filter((result) => result.status === 'fulfilled'))
      running.set(value.name, value)
    const failed = results.findIndex(({ status }) => status === 'rejected')
    if (failed === -1) continue
    await stopAll(running)
    throw failure(wave[failed]?.name as string, (results[failed] as PromiseRejectedResult).reason, logs)
  }
  return { services: [...running.values()], stop: () => stopAll(running) }
}

function failure(name: string, reason: unknown, logs: Logs): Trouble {
  logs.of(name).fatal({ err: reason }, 'could not start')
  const advice = adviceFor(reason) ?? `${(reason as Error).message} — see npm run logs -- ${name}.`
  return new Trouble(`${name} could not start: ${advice}`)
}

/**
 * The gateway first: what it has accepted still finds its service. Auth last: the others ask it about
 * tokens until their end.
 */
async function stopAll(running: Map<string, RunningService>): Promise<void> {
  const others = [...running.keys()].filter((name) => name !== 'gateway' && name !== 'auth')
  for (const names of [['gateway'], others, ['auth']]) {
    await Promise.all(
      names.map(async (name) => {
        const service = running.get(name)
        if (service) await stopService(service)
        running.delete(name)
      }),
    )
  }
}

const idleEveryMs = 50

async function stopService(service: RunningService): Promise<void> {
  // A kept-alive connection that was busy when the server closed becomes idle with its last answer; Node
  // would wait for its client to close it.
  const idle = setInterval(() => service.app.server.closeIdleConnections(), idleEveryMs)
  await service.stop().finally(() => clearInterval(idle))
}
