import type { Import, Source } from './sources.ts'

/** The folder that is a package of its own, `''` for what belongs to the project as a whole. */
export const workspaceOf = (path: string): string =>
  /^((?:apps|packages|services)\/[^/]+|scripts\/new-service\/template)\//.exec(path)?.[1] ?? ''

export const isService = (workspace: string): boolean =>
  workspace.startsWith('services/') || workspace === 'scripts/new-service/template'

export const isTest = (path: string): boolean => /(^|\/)tests?\//.test(path) || path.endsWith('.test.ts')

/** What an import breaks, in words; undefined when it is as it should be. */
export type Rule = (source: Pick<Source, 'path'>, found: Import) => string | undefined

/** The suite's packages that each kind of workspace may import. */
function mayImport(workspace: string, path: string): RegExp {
  const tested = isTest(path) ? '|testing' : path.endsWith('/seed.ts') ? '|testing/personas' : ''
  if (isService(workspace)) return new RegExp(`^(kit|kit/contract|client${tested})$`)
  if (workspace === 'packages/kit') return isTest(path) ? /^(kit|kit\/contract|testing)$/ : /^$/
  if (workspace === 'packages/client') return isTest(path) ? /^(kit|testing)$/ : /^$/
  if (workspace === 'packages/testing') return /^kit$/
  return isTest(path) ? /./ : new RegExp(`^(?!testing)|^testing/personas$`)
}

/** Services know each other by the client only; the kit knows nobody. */
export const packagesOfTheSuite: Rule = ({ path }, { specifier }) => {
  const name = /^@ait\/(.+)$/.exec(specifier)?.[1]
  const workspace = workspaceOf(path)
  if (!name || !workspace || mayImport(workspace, path).test(name)) return undefined
  return `${path} imports ${specifier}`
}

/**
 * Other packages are reached by their names. Only the launcher has none, because it runs before there
 * are packages; and tests may use the outside systems in tests/.
 */
export const ownWorkspace: Rule = ({ path }, { specifier, target }) => {
  const workspace = workspaceOf(path)
  if (!target || !workspace || target.startsWith(`${workspace}/`)) return undefined
  if (workspace === 'apps/suite' && target.startsWith('bin/')) return undefined
  if (isTest(path) && target.startsWith('tests/')) return undefined
  return `${path} leaves its workspace by ${specifier}`
}

/** Product code runs without its tests. */
export const noTestInProduct: Rule = ({ path }, { specifier, target }) =>
  target && isTest(target) && !isTest(path) ? `${path} imports the test ${specifier}` : undefined

/** The face of a service says what it is in the kit's words and knows nothing behind it. */
export const contractKnowsTheKit: Rule = ({ path }, { specifier, target, isType }) => {
  const workspace = workspaceOf(path)
  const local = path.slice(workspace.length + 1)
  if (!isService(workspace) || !(local === 'contract.ts' || local.startsWith('contract/'))) return undefined
  const inside = target?.startsWith(`${workspace}/contract/`) || target?.startsWith(`${workspace}/domain/`)
  if (inside || isType || /^@ait\/kit(\/contract)?$/.test(specifier)) return undefined
  return `${path} imports ${specifier}`
}

/** Of Node's modules, what only computes: all of a module, or these of its names. */
const pureNode: Record<string, readonly string[] | 'all'> = {
  'node:buffer': 'all',
  'node:crypto': 'all',
  'node:net': ['BlockList', 'isIP', 'isIPv4', 'isIPv6', 'SocketAddress'],
  'node:path': 'all',
  'node:string_decoder': 'all',
  'node:url': 'all',
  'node:util': 'all',
  'node:zlib': ['crc32'],
}
const packagesWithIo =
  /^(@ait\/client|@aws-sdk\/.*|clamscan|fastify|ioredis|openid-client|pg-boss|pino|postgres|undici|ws)$/
const kitWithIo = /^(createDirectory|createTransport|ensureDatabase|migrate|openPool|startService)$/

const computes = (module: string, names: readonly string[]): boolean => {
  const pure = pureNode[module] ?? []
  return pure === 'all' || (names.length > 0 && names.every((name) => pure.includes(name)))
}

/** Rules compute; reading, writing and asking are done around them. Types of anything are welcome. */
export const domainIsPure: Rule = ({ path }, { specifier, target, isType, names }) => {
  const workspace = workspaceOf(path)
  if (isType || !path.startsWith(`${workspace}/domain/`)) return undefined
  const impure = target
    ? !target.startsWith(`${workspace}/domain/`)
    : specifier.startsWith('node:')
      ? !computes(specifier, names)
      : packagesWithIo.test(specifier) || names.some((name) => kitWithIo.test(name))
  return impure ? `${path} imports ${specifier}` : undefined
}

const worldly = /\bDate\.now\(\)|\bnew Date\(\)|\bTemporal\.Now\b|\bprocess\.env\b|\bfetch\(/

/** Rules have no clock and no environment of their own: they are handed what they need. */
export const domainIsHandedTheWorld = ({ path, text }: Pick<Source, 'path' | 'text'>): string[] =>
  path.startsWith(`${workspaceOf(path)}/domain/`)
    ? text.split('\n').flatMap((line, index) => {
        const found = worldly.exec(line)
        return found ? [`${path}:${index + 1} uses ${found[0]}`] : []
      })
    : []

/**
 * Files that need each other to load, each circle once.
 * Types are erased before anything loads, so circles of types are none.
 */
export function cyclesOf(sources: readonly Pick<Source, 'path' | 'imports'>[]): string[] {
  const edges = new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.flatMap(({ target, isType }) => (target && !isType ? [target] : [])),
    ]),
  )
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path)
    if (start !== -1) return void cycles.push([...way.slice(start), path].join(' → '))
    if (done.has(path)) return
    for (const next of edges.get(path) ?? []) visit(next, [...way, path])
    done.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
  return cycles
}
