import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { databaseUrl } from '@ait/kit'
import { testServer, until } from '@ait/testing'
import postgres from 'postgres'
import { applyDiff, blocksOf, looksLike, type Block } from './blocks.ts'
import { copyRepository, type Copy } from './copy.ts'
import { openShell, runInBackground, type Background, type Shell } from './shell.ts'

/** The ports that the page names. */
const services = { auth: '8000', gateway: '8001', errands: '8022' } as const

let copy: Copy
let shell: Shell
let suite: Background | undefined
let env: NodeJS.ProcessEnv
const ports = new Map<string, string>()
const databases: string[] = []

before(async () => {
  copy = await copyRepository()
  env = await environment()
  shell = openShell(copy.folder, env)
})
after(async () => {
  await suite?.stop()
  await shell.close()
  const sql = postgres(databaseUrl(testServer(), 'postgres'), { max: 1, onnotice: () => {} })
  for (const name of databases) await sql.unsafe(`drop database if exists "${name}" with (force)`)
  await sql.end()
  await copy.remove()
})

test('the tutorial does what it says, block by block', { timeout: 240_000 }, async () => {
  let printed = ''
  for (const block of blocksOf(await readFile(join(copy.folder, 'docs/tutorial.md'), 'utf8'))) {
    try {
      printed = await follow(block, printed)
    } catch (error) {
      throw new Error(`docs/tutorial.md:${block.line}\n${await lastLogs()}`, { cause: error })
    }
  }
})

test('what the reader has made then passes the checks', async () => {
  const folder = 'services/errands'
  const bin = (name: string): string => join(copy.folder, 'node_modules', name)
  const node = (...args: string[]): Promise<{ stdout: string }> =>
    // A tool that finds something ends with an exit code; what it found is in its output.
    promisify(execFile)(process.execPath, args, { cwd: copy.folder, env }).catch((error) => error)
  const about = ({ stdout }: { stdout: string }): string[] =>
    stdout.split('\n').filter((line) => line.includes('errands'))
  assert.deepEqual(about(await node(bin('oxfmt/bin/oxfmt'), '--list-different', folder)), [])
  assert.deepEqual(about(await node(bin('oxlint/bin/oxlint'), '-f', 'unix', folder)), [])
  assert.deepEqual(about(await node(bin('typescript/bin/tsc'), '--noEmit', '-p', '.')), [])
  const rules = ['--test', '--test-name-pattern=^errands', 'tests/architecture/*.test.ts']
  const { stdout } = await node(...rules)
  assert.match(stdout, /✔ errands/, stdout)
  assert.match(stdout, /^ℹ fail 0$/m, stdout)
})

/** Does what the reader does with a block; resolves to what was printed. */
async function follow(block: Block, printed: string): Promise<string> {
  const { language, info, text } = block
  const file = join(copy.folder, info)
  switch (language) {
    case 'bash':
      return info === 'second terminal' ? startSuite(text) : shell.run(withPorts(text))
    case 'diff':
      await writeFile(file, applyDiff(await readFile(file, 'utf8'), text))
      return ''
    case 'ts':
    case 'sql':
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text)
      return ''
    case 'json': {
      const answer = JSON.parse(printed.split('\n').at(-1) as string)
      assert(looksLike(answer, JSON.parse(text)), `answered ${printed}`)
      return ''
    }
    case 'text':
      assert.equal(printed.split('\n').at(-1)?.trim(), text.trim(), printed)
      return ''
    default:
      throw new Error(`the test knows no ${language} blocks`)
  }
}

/** What the suite said last, for the reader of a failure. */
async function lastLogs(): Promise<string> {
  const args = ['apps/suite/src/logs.ts', '--no-follow', '--tail=20']
  const logs = promisify(execFile)(process.execPath, args, { cwd: copy.folder, env })
  return (await logs.catch((error: { stdout: string }) => error)).stdout
}

const withPorts = (text: string): string =>
  text.replaceAll(
    /localhost:(\d+)/g,
    (_, port: string) => `localhost:${ports.get(port) ?? `no port for ${port}`}`,
  )

/** The second terminal: what ran in it has been stopped by a block before. */
async function startSuite(command: string): Promise<string> {
  if (suite) await until('the suite to end', () => suite?.hasEnded(), 30_000)
  const started = runInBackground(command, copy.folder, env)
  suite = started
  for (const port of ports.values())
    await until(
      `port ${port} to be ready`,
      async () => {
        if (started.hasEnded()) throw new Error(`it ended:\n${started.output()}`)
        const answer = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => null)
        return answer?.status === 200
      },
      60_000,
    )
  return started.output()
}

/** The reader's environment, but ports and databases are this test's own. */
async function environment(): Promise<NodeJS.ProcessEnv> {
  const suffix = randomBytes(4).toString('hex')
  const own: NodeJS.ProcessEnv = {}
  for (const [name, port] of Object.entries(services)) {
    const database = `tutorial_${name}_${suffix}`
    databases.push(database)
    ports.set(port, await freePort())
    own[`${name.toUpperCase()}_PORT`] = ports.get(port)
    own[`${name.toUpperCase()}_DATABASE_URL`] = databaseUrl(testServer(), database)
  }
  // Set by the runner of this test for its own processes.
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
  return { ...inherited, ...own, POSTGRES_URL: testServer(), DATABASE_POOL_SIZE: '4', NO_COLOR: '1' }
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return String(port)
}
