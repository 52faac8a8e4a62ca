import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { root } from '../manifests.ts'

/** What `.gitignore` leaves out, and Git's own folder. */
const notOurs = new Set(['.git', '.data', 'node_modules', '.env.services'])

/** Every file of the project, by its path from the project's folder, in order. */
export async function projectFiles(): Promise<string[]> {
  const walk = async (folder: string): Promise<string[]> => {
    const entries = (await readdir(folder, { withFileTypes: true })).filter(
      ({ name }) => !notOurs.has(name) && !name.endsWith('.log'),
    )
    const found = entries.map((entry) =>
      entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)],
    )
    return (await Promise.all(found)).flat()
  }
  return (await walk(root)).map((path) => relative(root, path)).toSorted()
}
