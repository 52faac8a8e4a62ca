import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { ServiceNames } from './names.ts'

const template = join(import.meta.dirname, 'template')

/** Writes the template into `folder` under the new names. */
export async function copyTemplate(folder: string, names: ServiceNames, port: number): Promise<void> {
  const entries = await readdir(template, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((found) => found.isFile())) {
    const from = join(entry.parentPath, entry.name)
    const to = join(folder, relative(template, from))
    await mkdir(dirname(to), { recursive: true })
    await writeFile(to, renamed(await readFile(from, 'utf8'), names, port))
  }
}

/** The template's text with the new names in it. `example:` is a word of contracts and stays. */
const renamed = (text: string, names: ServiceNames, port: number): string =>
  text
    .replaceAll(/\bexample_db\b/g, names.database)
    .replaceAll(/\bEXAMPLE_/g, names.prefix)
    .replaceAll(/\bExample\b/g, names.title)
    .replaceAll(/\bexample\b(?!:)/g, names.name)
    .replaceAll(/\b8099\b/g, String(port))
