import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path/posix'
import { projectFiles } from '../../scripts/check/files.ts'
import { root } from '../../scripts/manifests.ts'

/** One import of a file. */
export interface Import {
  /** As it is written. */
  specifier: string
  /** What a relative one points to, from the project's folder. */
  target: string | undefined
  /** Erased before the code runs. */
  isType: boolean
  /** The values that it names; empty for types, `* as x` and a bare import. */
  names: string[]
}

export interface Source {
  /** From the project's folder. */
  path: string
  text: string
  imports: Import[]
}

const clause = /^[ \t]*(?:import|export)\s+(type\s+)?([\w\s{},*$]*?)\s*from\s*'([^']+)'/gm
// Bare and dynamic imports, and the files that workers run.
const bare = /^[ \t]*import\s+'([^']+)'/gm
const dynamic = /\bimport\(\s*'([^']+)'\s*\)/g
const worker = /new URL\(\s*'(\.[^']+\.ts)',\s*import\.meta\.url/g

/** The imports of a file, in the words of this project: single quotes, clauses at the start of a line. */
export function importsOf(path: string, text: string): Import[] {
  const found = (specifier: string, isType = false, names: string[] = []): Import => ({
    specifier,
    target: specifier.startsWith('.') ? join(dirname(path), specifier) : undefined,
    isType,
    names,
  })
  return [
    ...[...text.matchAll(clause)].map(([, type, names, specifier]) =>
      found(specifier as string, Boolean(type), type ? [] : valuesOf(names as string)),
    ),
    ...[bare, dynamic, worker].flatMap((pattern) =>
      [...text.matchAll(pattern)].map((match) => found(match[1] as string)),
    ),
  ]
}

const valuesOf = (names: string): string[] =>
  names
    .replaceAll(/[{}]/g, ',')
    .split(',')
    .map((name) => name.trim().split(/\s+as\s+/)[0] as string)
    .filter((name) => name !== '' && name !== '*' && !name.startsWith('type '))

/** Every source file of the project. */
export async function readSources(): Promise<Source[]> {
  const paths = (await projectFiles()).filter((path) => /\.(ts|mts|mjs|js)$/.test(path))
  return Promise.all(
    paths.map(async (path) => {
      const text = await readFile(join(root, path), 'utf8')
      return { path, text, imports: importsOf(path, text) }
    }),
  )
}
