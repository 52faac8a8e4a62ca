// npm run status: each service of the running suite and how it is. Ends with 0 when all are healthy,
// 1 when one is not, 3 when the suite does not run.
import { dataDirOf, readEnvironment } from './environment.ts'
import { askHealth } from './health.ts'
import { readRun } from './run-file.ts'
import { runCommand, table } from './terminal.ts'

await runCommand(async () => {
  const run = readRun(dataDirOf(readEnvironment()))
  if (!run) {
    console.log('The suite is not running: npm start.')
    return 3
  }
  const reports = await Promise.all(run.services.map(({ url }) => askHealth(url)))
  const rows = run.services.map(({ name, url, docs, state }, i) => {
    const health = reports[i]?.state ?? 'no answer'
    const failing = reports[i]?.failing ?? []
    const shown = state === 'ready' ? health : state
    return [name, url, docs, failing.length > 0 ? `${shown} (${failing.join(', ')})` : shown]
  })
  console.log(table([['service', 'address', 'docs', 'state'], ...rows]))
  console.log(`Process ${run.pid}${run.started_at && `, since ${run.started_at}`}.`)
  return rows.length > 0 && rows.every((row) => row[3] === 'ready') ? 0 : 1
})
