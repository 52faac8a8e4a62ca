/**
 * `npm run bench [-- part…]`: compares with peers in one run and prints ratios; see README.md.
 * Nothing here is a test: a ratio below its target is told, and the exit code stays 0.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../apps/suite/src/postgres/index.ts'
import { driver } from './load.ts'
import type { Bench, Part } from './part.ts'
import { bootPart } from './parts/boot.ts'
import { filesPart } from './parts/files.ts'
import { gatewayPart } from './parts/gateway.ts'
import { handoverPart } from './parts/handover.ts'
import { stackPart } from './parts/stack.ts'
import { print } from './report.ts'

const parts: readonly Part[] = [
  stackPart('health'),
  stackPart('read'),
  stackPart('insert'),
  gatewayPart,
  handoverPart,
  filesPart,
  bootPart,
]

function choose(words: readonly string[]): readonly Part[] {
  const unknown = words.find((word) => !parts.some(({ name }) => name === word))
  if (unknown) throw new Error(`No part "${unknown}". Parts: ${parts.map(({ name }) => name).join(', ')}`)
  return words.length === 0 ? parts : parts.filter(({ name }) => words.includes(name))
}

async function main(): Promise<void> {
  if (process.platform !== 'linux') throw new Error('The benchmarks read /proc: run them on Linux.')
  const chosen = choose(process.argv.slice(2))
  const folder = await mkdtemp(join(tmpdir(), 'ait-bench-'))
  // PostgreSQL runs under another account when this one is root.
  await chmod(folder, 0o755)
  const server = await startPostgres({ dataDir: join(folder, 'postgres') })
  const bench: Bench = { folder, postgres: server.url }
  console.log(`100 connections by ${driver}; median of the rounds; both sides in turn.`)
  try {
    for (const part of chosen) {
      const missing = part.missing?.()
      if (missing) console.log(`\n## ${part.name}\n\nleft out: needs ${missing} (apt-get install)`)
      else print(await part.run(bench))
    }
  } finally {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

try {
  await main()
} catch (error) {
  console.error(error)
  process.exitCode = 1
}
