// npm start [-- service…]: runs the services in this process until it is asked to stop.
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { portOf, type ServiceInfo } from '@ait/kit'
import { chooseServices, loadManifests } from './catalogue.ts'
import { containCrashes } from './crashes.ts'
import { openDatabaseServer } from './database.ts'
import { dataDirOf, readEnvironment, withSecrets, type Environment } from './environment.ts'
import { addressOf, askHealth } from './health.ts'
import { openLogs, type Logs } from './log-files.ts'
import { checkDataDir, checkPorts } from './preflight.ts'
import { claim, type Run } from './run-file.ts'
import { listenForStop, type StopRequests } from './shutdown.ts'
import { startSuite, type Suite } from './suite.ts'
import { runCommand, sayTo, table, warningText } from './terminal.ts'
import { Trouble } from './trouble.ts'

const healthyWithinMs = 60_000
const defaultShutdownMs = 20_000
/** Each service cuts off its own requests after SHUTDOWN_TIMEOUT_MS; this is for what hangs even then. */
const graceMs = 5000

interface Start {
  env: Environment
  dataDir: string
  planned: Run['services']
  say(line: string): void
  logs: Logs
  stop: StopRequests
}

/** What was opened is closed again in reverse, at the end as after a failure. */
async function run(): Promise<number> {
  const stop = listenForStop()
  const env = readEnvironment()
  const dataDir = dataDirOf(env)
  const planned = plan(chooseServices(process.argv.slice(2), env), env)
  checkDataDir(dataDir)
  await using opened = new AsyncDisposableStack()
  const mine = claim(dataDir)
  opened.defer(() => mine.release())
  const warnings: string[] = []
  const logs = openLogs(env, dataDir, (name, line) => void warnings.push(warningText(name, line)))
  opened.defer(() => logs.flush())
  const say = sayTo(env['LOG_TO'])

  await boot({ env: withSecrets(env, dataDir), dataDir, planned, say, logs, stop }, opened, mine.write)
  if (!stop.signal.aborted) {
    say(overview(planned, warnings))
    await stop.requested
  }
  say('Stopping. Work under way is finished first; once more Ctrl-C cuts it off.')
  mine.write(planned.map((service) => ({ ...service, state: 'stopping' })))
  return stop.exitCode()
}

/** Returns when every service is healthy, or early when a stop was requested meanwhile. */
async function boot(
  start: Start,
  opened: AsyncDisposableStack,
  write: (services: Run['services']) => void,
): Promise<void> {
  const { dataDir, planned, say, logs, stop } = start
  const fail = (error: unknown): void => {
    logs.of('suite').fatal({ err: error }, 'the suite cannot go on')
    stop.fail()
  }
  containCrashes(logs, fail)
  await checkPorts(planned, hostOf(start.env))
  say(`Starting ${planned.map(({ name }) => name).join(', ')}.`)
  const manifests = await loadManifests(planned)
  const log = logs.of('suite')
  const database = await openDatabaseServer(manifests, start.env, dataDir, { say, log, onLost: fail })
  opened.defer(() => database.stop())
  if (stop.signal.aborted) return
  const suite = await startSuite(manifests, database.env, dataDir, logs)
  opened.defer(() => drain(suite, start))
  if (stop.signal.aborted) return
  write(planned)
  for (const service of suite.services) await service.listen()
  await Promise.all(planned.map((service) => untilHealthy(service, stop.signal)))
  write(planned.map((service) => ({ ...service, state: 'ready' })))
}

const hostOf = (env: Environment): string => env['HOST'] || '0.0.0.0'

const plan = (chosen: readonly ServiceInfo[], env: Environment): Run['services'] =>
  chosen.map((service) => {
    const port = portOf(service, env)
    const url = addressOf(hostOf(env), port)
    return { name: service.name, port, url, docs: `${url}/docs`, state: 'starting' }
  })

async function untilHealthy({ name, url }: Run['services'][number], signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + healthyWithinMs
  while (!signal.aborted) {
    const { state, failing } = await askHealth(url)
    if (state === 'ready') return
    if (Date.now() > deadline) {
      const why = failing.length > 0 ? `: ${failing.join(', ')}` : ''
      throw new Trouble(
        `${name} is not healthy after ${healthyWithinMs / 1000} s${why}. See npm run logs -- ${name}.`,
      )
    }
    await sleep(25)
  }
}

async function drain(suite: Suite, { env, stop, say, logs }: Start): Promise<void> {
  const ms = (Number(env['SHUTDOWN_TIMEOUT_MS']) || defaultShutdownMs) + graceMs
  const late = sleep(ms, 'late' as const, { ref: false })
  const outcome = await Promise.race([suite.stop(), late, stop.forced.then(() => 'forced' as const)])
  if (outcome === undefined) return
  const line =
    outcome === 'late'
      ? `Work under way did not end within ${ms / 1000} s: it is cut off.`
      : 'Work under way is cut off.'
  logs.of('suite').warn(line)
  say(line)
}

function overview(planned: Run['services'], warnings: readonly string[]): string {
  const rows = planned.map(({ name, url, docs }) => [name, url, docs, 'ready'])
  const seconds = (performance.now() / 1000).toFixed(1)
  const megabytes = Math.round(process.memoryUsage.rss() / 1e6)
  return [
    '',
    table([['service', 'address', 'docs', 'state'], ...rows]),
    ...(warnings.length > 0 ? ['', ...warnings] : []),
    '',
    `Ready after ${seconds} s, ${megabytes} MB. Ctrl-C or npm run stop ends it; npm run logs shows what it does.`,
  ].join('\n')
}

// V8 collects the whole heap for every 64 MiB of buffers, unless these count together with the heap. Measured on files
// that pass through: half the CPU time of an upload, a third of a download's, in the same memory.
setFlagsFromString('--external-memory-accounted-in-global-limit')
process.title = 'ait-suite'
// People's files, databases and secrets: nobody else on this machine reads them.
process.umask(0o077)
await runCommand(run)
// Whatever a library has left open must not keep the process.
process.exit()
