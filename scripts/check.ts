// npm run check: everything that can be said of the code without running it. Exit code 1 on failure.
import { licenceProblems } from './check/licences.ts'
import { machinePathProblems } from './check/machine-paths.ts'
import { runNode, runTool, type ToolResult } from './check/tools.ts'
import { generate } from './generate.ts'

/** A step resolves to what is wrong, in lines; to nothing when all is well. */
const steps: { name: string; run(): Promise<string> }[] = [
  { name: 'format', run: async () => outputOf(await runTool('oxfmt', ['--check'])) },
  { name: 'lint', run: async () => outputOf(await runTool('oxlint', ['--deny-warnings'])) },
  { name: 'types', run: async () => outputOf(await runTool('tsc', ['--noEmit', '-p', '.'])) },
  {
    name: 'boundaries and shape',
    run: async () =>
      failuresOf(await runNode(['--test', '--test-reporter=spec', 'tests/architecture/*.test.ts'])),
  },
  {
    name: 'generated files',
    run: async () =>
      (await generate(true)).map((path) => `${path} is out of date: npm run generate`).join('\n'),
  },
  { name: 'licences', run: async () => (await licenceProblems()).join('\n') },
  { name: 'machine paths', run: async () => (await machinePathProblems()).join('\n') },
]

const outputOf = ({ ok, output }: ToolResult): string => (ok ? '' : output.trim() || 'failed without a word')

/** Of a test run only what failed, which it prints last. */
const failuresOf = (result: ToolResult): string => outputOf(result).replace(/^.*✖ failing tests:\s*/s, '')

const failures: string[] = []
for (const { name, run } of steps) {
  const start = performance.now()
  const trouble = await run().catch((error: Error) => error.stack ?? error.message)
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${trouble ? 'FAIL' : 'ok  '}  ${name.padEnd(20)} ${seconds.padStart(5)} s`)
  if (trouble) failures.push(`\n── ${name} ──\n${trouble}`)
}
for (const failure of failures) console.log(failure)
console.log(
  failures.length === 0 ? '\nAll checks passed.' : `\n${failures.length} of ${steps.length} checks failed.`,
)
process.exitCode = failures.length === 0 ? 0 : 1
