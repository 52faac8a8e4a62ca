import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

/**
 * Makes a new workspace known: the suite depends on it, and npm links it into node_modules. Everything
 * else is installed already, so npm needs no network for that.
 */
export async function linkWorkspace(root: string, name: string): Promise<void> {
  const path = join(root, 'apps/suite/package.json')
  const manifest = JSON.parse(await readFile(path, 'utf8'))
  manifest.dependencies = sorted({ ...manifest.dependencies, [`@ait/${name}`]: '0.1.0' })
  await writeFile(path, `${JSON.stringify(manifest, null, 2)}\n`)
  const args = ['install', '--offline', '--ignore-scripts', '--include=dev', '--include=optional']
  await npm(root, [...args, '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'])
}

const sorted = (dependencies: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(dependencies).toSorted(([a], [b]) => (a < b ? -1 : 1)))

/** Runs npm: the one that called us, else the one on the PATH. */
async function npm(root: string, args: readonly string[]): Promise<void> {
  const caller = process.env['npm_execpath'] ?? ''
  const isNpm = basename(caller) === 'npm-cli.js'
  const [command, ...before] = isNpm ? [process.execPath, caller] : ['npm']
  const child = spawn(command as string, [...before, ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const code = await new Promise((resolve) => child.on('error', () => resolve(127)).on('exit', resolve))
  if (code !== 0) throw new Error(`npm install ended with code ${code}; the reason is above.`)
}
