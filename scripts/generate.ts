import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { catalogueText, clientText, indexText } from './generate/clients.ts'
import { rowTypesText } from './generate/database.ts'
import { environmentTable, environmentText, eventsTable } from './generate/documents.ts'
import { loadManifests, root } from './manifests.ts'
import { withPostgres } from './postgres.ts'

/** Every generated file of the repository and its text. */
export async function generatedFiles(): Promise<Map<string, string>> {
  const manifests = await loadManifests()
  const client = join(root, 'packages/client/src')
  const files = new Map<string, string>([
    [join(client, 'catalogue.gen.ts'), catalogueText(manifests)],
    [join(client, 'services.gen.ts'), indexText(manifests)],
    [join(root, '.env.services.example'), environmentText(manifests)],
    [join(root, 'docs/environment.md'), environmentTable(manifests)],
    [join(root, 'docs/events.md'), eventsTable(manifests)],
  ])
  for (const manifest of manifests)
    files.set(join(client, `${manifest.name}.gen.ts`), clientText(manifest.contract))
  await withPostgres(async (server) => {
    for (const manifest of manifests.filter(({ database }) => database !== null))
      files.set(join(manifest.folder, 'db/types.ts'), await rowTypesText(server, manifest))
  })
  return files
}

/** Writes what differs, or with `check` only says so. Resolves to the paths that differed. */
export async function generate(check: boolean): Promise<string[]> {
  const changed: string[] = []
  for (const [path, text] of await generatedFiles()) {
    if ((await readFile(path, 'utf8').catch(() => '')) === text) continue
    changed.push(relative(root, path))
    if (check) continue
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }
  return changed
}

if (import.meta.main) {
  const changed = await generate(false)
  console.log(
    changed.length === 0 ? 'Everything is up to date.' : changed.map((path) => `written ${path}`).join('\n'),
  )
}
