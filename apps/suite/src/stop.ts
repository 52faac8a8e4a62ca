// npm run stop: asks the running suite to stop and waits until it has.
import { setTimeout as sleep } from 'node:timers/promises'
import { dataDirOf, readEnvironment } from './environment.ts'
import { readRun } from './run-file.ts'
import { runCommand } from './terminal.ts'
import { errorCode, Trouble } from './trouble.ts'

/** Longer than the suite waits for its services and for PostgreSQL. */
const longestMs = 90_000

await runCommand(async () => {
  const dataDir = dataDirOf(readEnvironment())
  const run = readRun(dataDir)
  if (!run) return console.log('The suite is not running.')
  try {
    process.kill(run.pid, 'SIGTERM')
  } catch (error) {
    if (errorCode(error) === 'EPERM') {
      throw new Trouble(
        `The suite (process ${run.pid}) belongs to another user: stop it as that user, or as root.`,
      )
    }
  }
  const deadline = Date.now() + longestMs
  while (readRun(dataDir)?.pid === run.pid) {
    if (Date.now() > deadline) {
      throw new Trouble(`The suite (process ${run.pid}) is still stopping: see npm run logs -- suite.`)
    }
    await sleep(50)
  }
  console.log('Stopped.')
})
