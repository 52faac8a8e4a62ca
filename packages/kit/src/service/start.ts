import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { receiveRoute } from '../events/receive.ts'
import { createApp, mountOperations } from '../http/app.ts'
import { serveDocs } from '../http/docs.ts'
import { openApi } from '../http/openapi.ts'
import { portOf, type Platform } from '../platform.ts'
import { createRuntime } from './create.ts'
import type { ServiceManifest, ServiceRuntime } from './define.ts'
import { adminRoutes, completeContract } from './operations.ts'
import { serveProbes } from './probes.ts'
import type { Runtime, Stops } from './runtime.ts'
import { startWorkers } from './workers.ts'

export interface RunningService {
  name: string
  manifest: ServiceManifest
  app: FastifyInstance
  /** What `setup` made: for the service's own tests. */
  deps: any
  runtime: ServiceRuntime
  /** Takes a raw request without a socket. See `handPrincipal`. */
  handle(request: IncomingMessage, response: ServerResponse): void
  /** Opens its port; resolves to its address. */
  listen(port?: number, host?: string): Promise<string>
  /** Finishes what is under way, then closes. */
  stop(): Promise<void>
}

/**
 * Starts a service: configuration, database and its migrations, routes, events, jobs. The service is
 * ready when this resolves; `listen` then opens its port.
 * @throws ConfigError naming the variables; any error of `setup`. Nothing is left running then.
 */
export async function startService(given: ServiceManifest, platform: Platform): Promise<RunningService> {
  const manifest = { ...given, contract: completeContract(given.contract, given.database !== null) }
  checkManifest(manifest)
  const log = platform.log.child({ service: manifest.name })
  const stops: Stops = []
  const stopAll = async (): Promise<void> => {
    for (const work of stops.toReversed()) {
      await (async () => work())().catch((error: unknown) => log.warn({ err: error }, 'while stopping'))
    }
  }
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => (stopping ??= stopAll())
  try {
    return { ...(await assemble(manifest, platform, log, stops)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function assemble(
  manifest: ServiceManifest,
  platform: Platform,
  log: Logger,
  stops: Stops,
): Promise<Omit<RunningService, 'stop'>> {
  const { runtime, service } = await createRuntime(manifest, platform, log, stops)
  const app = createApp(runtime)
  runtime.deps = (await manifest.setup?.(service)) ?? {}
  mountOperations(app, runtime, [
    ...manifest.routes,
    ...(manifest.database === null ? [] : adminRoutes),
    receiveRoute(runtime, manifest.subscriptions ?? []),
  ])
  serveProbes(app, runtime)
  await manifest.mount?.(app, service, runtime.deps)
  if (!app.hasRoute({ method: 'GET', url: '/docs' }))
    serveDocs(app, manifest.title, openApi(manifest.contract, manifest))
  await app.ready()
  if (manifest.database !== null) await startWorkers(runtime, stops)
  stops.push(() => closeApp(app, runtime))
  return {
    name: manifest.name,
    manifest,
    app,
    deps: runtime.deps,
    runtime: service,
    handle: (request, response) => app.routing(request, response),
    listen: (port = portOf(manifest, platform.env), host = platform.env['HOST'] || '0.0.0.0') =>
      app.listen({ port, host }),
  }
}

/** Lets requests under way finish, for as long as a stop may take; new ones find the service not ready. */
async function closeApp(app: FastifyInstance, { health, config, log }: Runtime): Promise<void> {
  health.drain()
  const { server } = app
  // Of streams that had begun before, which could not say that their connection ends.
  const sweep = setInterval(() => server.closeIdleConnections(), 100)
  const cutOff = setTimeout(() => {
    log.warn('requests under way are cut off')
    server.closeAllConnections()
  }, config.SHUTDOWN_TIMEOUT_MS)
  await app.close().finally(() => {
    clearInterval(sweep)
    clearTimeout(cutOff)
  })
}

/** What a manifest says twice would work once, in silence. */
function checkManifest({ name, database, jobs = [], subscriptions = [] }: ServiceManifest): void {
  const twice = (names: string[]): string | undefined => names.find((each, i) => names.indexOf(each) !== i)
  const job = twice(jobs.map((each) => each.name))
  if (job) throw new Error(`${name}: two jobs are named ${job}`)
  const type = twice(subscriptions.map((each) => each.type))
  if (type) throw new Error(`${name}: two handlers for ${type}`)
  if (database === null && jobs.length > 0) throw new Error(`${name}: jobs need a database`)
}
