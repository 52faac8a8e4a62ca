// npm run new-service NAME [port]: a service of the standard shape that runs and passes its tests.
import { existsSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runTool } from './check/tools.ts'
import { generate } from './generate.ts'
import { loadManifests, root } from './manifests.ts'
import { copyTemplate } from './new-service/copy.ts'
import { linkWorkspace } from './new-service/link.ts'
import { namesOf, portFor } from './new-service/names.ts'

/** Makes the service and says what to do next. @throws Error in words, with nothing left behind. */
async function makeService(wantedName: string, wantedPort?: string): Promise<string> {
  const names = namesOf(wantedName, await workspaces())
  const used = new Map((await loadManifests()).map(({ port, name }) => [port, name]))
  const port = portFor(wantedPort, used)
  const folder = join(root, 'services', names.name)
  const restore = await remember(['apps/suite/package.json', 'package-lock.json'])
  try {
    await copyTemplate(folder, names, port)
    await linkWorkspace(root, names.name)
    await generate(false)
    await runTool('oxfmt', [folder])
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    await rm(join(root, 'node_modules/@ait', names.name), { force: true })
    await restore()
    throw error
  }
  return `services/${names.name} is there: port ${port}, database ${names.database}. Its tests: npm test -- services/${names.name}
Start it: npm start -- auth gateway ${names.name}; its API is then at http://localhost:${port}/docs
Make it yours, in this order: contract.ts, db/, domain/, policy.ts, routes/, test/ (docs/tutorial.md shows how).`
}

/** Names of all workspaces: a service may not be called like any of them. */
async function workspaces(): Promise<string[]> {
  const folders = ['apps', 'packages', 'services'].map((folder) => join(root, folder))
  return (await Promise.all(folders.filter(existsSync).map((folder) => readdir(folder)))).flat()
}

/** Resolves to what brings these files back as they are now. */
async function remember(paths: readonly string[]): Promise<() => Promise<void>> {
  const files = await Promise.all(
    paths.map(async (path) => ({ path: join(root, path), text: await readFile(join(root, path)) })),
  )
  return async () => {
    for (const { path, text } of files) await writeFile(path, text)
  }
}

const [name, port, ...rest] = process.argv.slice(2)
if (!name || rest.length > 0) {
  console.error('npm run new-service NAME [port]')
  process.exitCode = 2
} else {
  try {
    console.log(await makeService(name, port))
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
