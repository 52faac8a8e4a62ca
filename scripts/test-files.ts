import { existsSync, globSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from './manifests.ts'

const places = ['apps', 'packages', 'services', 'tests', 'scripts']

/**
 * The test files below `paths` (of the repository, or of where the caller stands), all without any.
 * @throws Error naming a path that has none: a typing error must not pass as success.
 */
export function testFiles(paths: readonly string[]): string[] {
  const all = places
    .flatMap((place) => globSync(`${place}/**/*.test.ts`, { cwd: root, exclude: ['**/node_modules'] }))
    .toSorted()
  if (paths.length === 0) return all
  const wanted = new Set<string>()
  for (const path of paths) {
    const prefix = prefixOf(path)
    const found = all.filter((file) => file.startsWith(prefix))
    if (found.length === 0) throw new Error(`No test file begins with ${prefix}`)
    for (const file of found) wanted.add(file)
  }
  return all.filter((file) => wanted.has(file))
}

// npm runs scripts at the root and says in INIT_CWD where the caller stood.
function prefixOf(path: string): string {
  if (existsSync(join(root, path))) return relative(root, join(root, path))
  const fromCaller = relative(root, join(process.env['INIT_CWD'] ?? root, path))
  return existsSync(join(root, fromCaller)) ? fromCaller : path
}
