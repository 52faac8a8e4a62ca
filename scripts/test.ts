/**
 * `npm test [-- path…]`: runs every test file, or those below the paths, on a PostgreSQL (and, where it
 * is installed, a Redis) of their own. Prints a line per file, what failed, what was skipped and why,
 * and closes with `N passed, N failed`.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { markDescendants } from './test-descendants.ts'
import { testFiles } from './test-files.ts'
import { indent, runTestFile, type FileResult } from './test-run.ts'
import { startTestPostgres, startTestRedis, type TestServer } from './test-servers.ts'

/** Each file may start a suite and load it: two at a time keep two cores busy, more only make tests late. */
const concurrency = Math.min(2, availableParallelism())

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => interrupted.abort(new Error(signal)))
// The launcher was killed: nobody waits for the result any more.
process.on('disconnect', () => interrupted.abort(new Error('the launcher is gone')))
process.channel?.unref()

async function main(): Promise<number> {
  const files = testFiles(process.argv.slice(2))
  const servers: TestServer[] = []
  const folder = await temporaryFolder()
  try {
    await startServers(servers)
    const descendants = markDescendants()
    try {
      const results = await runAll(files, interrupted.signal)
      return summarise(results, files.length)
    } finally {
      await descendants.end()
    }
  } finally {
    for (const server of servers.toReversed()) await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Where the tests put their own folders: all of it goes at the end, also what a stopped test left. */
async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ait-test-'))
  // PostgreSQL runs under another account when the tests run as root.
  await chmod(folder, 0o755)
  return (process.env['TMPDIR'] = folder)
}

async function startServers(servers: TestServer[]): Promise<void> {
  if (!process.env['TEST_POSTGRES_URL']) servers.push(await startTestPostgres())
  if (!process.env['TEST_REDIS_URL']) {
    const redis = await startTestRedis()
    if (redis) servers.push(redis)
    else console.log('redis-server is not installed: tests that need it are skipped.')
  }
  for (const { env, lost } of servers) {
    Object.assign(process.env, env)
    lost.catch((error: Error) => interrupted.abort(error))
  }
}

async function runAll(files: readonly string[], signal: AbortSignal): Promise<FileResult[]> {
  const waiting = [...files]
  const results: FileResult[] = []
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file && !signal.aborted; file = waiting.shift()) {
      const result = await runTestFile(file, signal)
      if (signal.aborted) return
      results.push(result)
      printFile(result)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return results
}

function printFile({ file, passed, failed, skipped, failures, output, durationMs }: FileResult): void {
  const bad = failed > 0 || failures.length > 0
  const notes = [
    `${passed} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
  ]
  console.log(`${bad ? '✗' : '✓'} ${file}  ${notes.join(', ')}  ${(durationMs / 1000).toFixed(1)} s`)
  if (!bad) return
  for (const failure of failures) console.log(`  ✗ ${failure}`)
  if (output) console.log(`  its output:\n${indent(output)}`)
}

function summarise(results: readonly FileResult[], wanted: number): number {
  const failing = results.filter(({ failed, failures }) => failed > 0 || failures.length > 0)
  const skipped = results.flatMap((result) => result.skipped.map((skip) => ({ file: result.file, ...skip })))
  const total = (of: (result: FileResult) => number): number =>
    results.reduce((sum, result) => sum + of(result), 0)
  const passed = total((result) => result.passed)
  const failed = total((result) => Math.max(result.failed, result.failures.length > 0 ? 1 : 0))
  console.log('')
  for (const { file, name, why } of skipped) console.log(`skipped: ${file}: ${name}: ${why}`)
  for (const { file } of failing) console.log(`failed: ${file}`)
  if (results.length < wanted)
    console.log(
      `stopped after ${results.length} of ${wanted} files: ${String(interrupted.signal.reason?.message)}`,
    )
  console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`)
  if (results.length < wanted) return 130
  return failed === 0 && passed > 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
// An interrupted run must not wait for what its files left open.
if (interrupted.signal.aborted) process.exit()
