import { constants, copyFileSync, linkSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { root } from '../../scripts/manifests.ts'

const leftOut = new Set(['.git', '.data', '.env.services', 'node_modules'])

export interface Copy {
  folder: string
  remove(): Promise<void>
}

/** A copy of the repository with its packages, in which commands do what they do in the original. */
export async function copyRepository(): Promise<Copy> {
  const folder = await mkdtemp(join(tmpdir(), 'ait-copy-'))
  await cp(root, folder, { recursive: true, filter: (path) => !leftOut.has(basename(path)) })
  linkTree(join(root, 'node_modules'), join(folder, 'node_modules'))
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** The same tree on the same bytes: hundreds of megabytes of packages cost no time and no space. */
function linkTree(from: string, to: string): void {
  mkdirSync(to)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) linkTree(source, target)
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target)
    else linkFile(source, target)
  }
}

function linkFile(from: string, to: string): void {
  try {
    // npm writes its own record anew: shared bytes would change the original's, too.
    if (basename(from) !== '.package-lock.json') return linkSync(from, to)
  } catch (error) {
    // Another file system, or one without links.
    if (!['EXDEV', 'EPERM', 'EMLINK'].includes((error as { code: string }).code)) throw error
  }
  copyFileSync(from, to, constants.COPYFILE_FICLONE)
}
