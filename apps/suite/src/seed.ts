// npm run seed: writes the personas and the demo data of every service, into the running suite's
// databases or, when none runs, into those that the next start will use.
import { chooseServices, loadManifests } from './catalogue.ts'
import { openDatabaseServer } from './database.ts'
import { dataDirOf, readEnvironment, withSecrets } from './environment.ts'
import { openLogs } from './log-files.ts'
import { checkDataDir } from './preflight.ts'
import { claim, readRun } from './run-file.ts'
import { startSuite } from './suite.ts'
import { runCommand, sayTo, warningText } from './terminal.ts'
import { Trouble } from './trouble.ts'

// People's files, databases and secrets: nobody else on this machine reads them.
process.umask(0o077)
await runCommand(seed)
process.exit()

async function seed(): Promise<void> {
  const env = readEnvironment()
  if (env['NODE_ENV'] === 'production') {
    throw new Trouble(
      'Demo people have passwords that everybody knows: npm run seed does nothing in production.',
    )
  }
  const dataDir = dataDirOf(env)
  const chosen = chooseServices(process.argv.slice(2), env)
  checkDataDir(dataDir)
  await using opened = new AsyncDisposableStack()
  if (!readRun(dataDir)) {
    const mine = claim(dataDir)
    opened.defer(() => mine.release())
  }
  const say = sayTo(undefined)
  const logs = openLogs({ ...env, LOG_TO: undefined }, dataDir, (name, line) => say(warningText(name, line)))
  opened.defer(() => logs.flush())
  const manifests = await loadManifests(chosen)
  const database = await openDatabaseServer(manifests, withSecrets(env, dataDir), dataDir, {
    say,
    log: logs.of('suite'),
    onLost: (error) => logs.of('suite').fatal({ err: error }, 'PostgreSQL is gone'),
  })
  opened.defer(() => database.stop())
  // As one more replica beside a running suite: PostgreSQL keeps the two apart.
  const suite = await startSuite(manifests, database.env, dataDir, logs)
  opened.defer(() => suite.stop())
  for (const manifest of manifests) {
    const service = suite.services.find(({ name }) => name === manifest.name)
    if (!manifest.seed || !service) continue
    await manifest.seed(service.runtime, service.deps)
    say(`${manifest.name}: demo data written.`)
  }
}
