import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { handOver } from './hand-over.mjs'
import { ensureInstalled } from './install.mjs'
import { checkNodeRuns, pinnedNode } from './pinned-node.mjs'
import { SetupError } from './setup-error.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * The commands and their scripts. `needs`: "whatever is there" for commands that look at a running
 * suite, which must not exchange its packages under it; "development" for those that use dev tools.
 */
const commands = {
  start: { script: 'apps/suite/src/start.ts', help: 'start every service, or the ones named' },
  stop: { script: 'apps/suite/src/stop.ts', needs: 'whatever is there', help: 'stop the running suite' },
  status: {
    script: 'apps/suite/src/status.ts',
    needs: 'whatever is there',
    help: 'show each service and its health',
  },
  logs: {
    script: 'apps/suite/src/logs.ts',
    needs: 'whatever is there',
    help: 'show logs: [service…] [-f] [--tail=100]',
  },
  seed: { script: 'apps/suite/src/seed.ts', help: 'write the personas and demo data' },
  test: { script: 'scripts/test.ts', needs: 'development', help: 'run every test' },
  check: {
    script: 'scripts/check.ts',
    needs: 'development',
    help: 'format, lint, types, boundaries, generated files',
  },
  generate: { script: 'scripts/generate.ts', needs: 'development', help: 'write the generated files anew' },
  bench: { script: 'bench/run.ts', needs: 'development', help: 'run the benchmarks' },
  'new-service': { script: 'scripts/new-service.ts', needs: 'development', help: 'make a service: NAME' },
}

/** Runs one command and ends the process with its exit code. */
export async function main([name, ...args]) {
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined
  if (!command) {
    const lines = Object.entries(commands).map(([key, { help }]) => `  ${key.padEnd(12)} ${help}`)
    console.error(`${name ? `No command "${name}". ` : ''}Commands of node bin/ait.mjs:\n${lines.join('\n')}`)
    process.exit(2)
  }
  try {
    await ensureInstalled(root, command.needs)
    const node = pinnedNode(root)
    checkNodeRuns(node)
    await handOver({ root, node, script: command.script, args })
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(error.message)
    process.exit(1)
  }
}
