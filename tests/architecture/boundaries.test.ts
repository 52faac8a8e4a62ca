import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../../scripts/manifests.ts'
import {
  contractKnowsTheKit,
  cyclesOf,
  domainIsHandedTheWorld,
  domainIsPure,
  isTest,
  noTestInProduct,
  ownWorkspace,
  packagesOfTheSuite,
  workspaceOf,
} from './rules.ts'
import { readSources } from './sources.ts'

const sources = await readSources()

for (const [what, rule] of [
  ['no service imports another, and the kit imports none', packagesOfTheSuite],
  ['relative imports stay in their workspace', ownWorkspace],
  ['product code imports no test', noTestInProduct],
  ['a contract imports the kit only', contractKnowsTheKit],
  ['domain/ imports nothing that reads or writes', domainIsPure],
] as const)
  test(what, () => {
    const problems = sources.flatMap((source) => source.imports.map((found) => rule(source, found)))
    assert.deepEqual(
      problems.filter((problem) => problem !== undefined),
      [],
    )
  })

test('domain/ has no clock and no environment of its own', () => {
  assert.deepEqual(sources.flatMap(domainIsHandedTheWorld), [])
})

test('no two files need each other to load', () => {
  assert.deepEqual(cyclesOf(sources), [])
})

test('every package that is imported is declared where it is imported', async () => {
  const problems: string[] = []
  for (const { path, imports } of sources) {
    const workspace = workspaceOf(path)
    if (!workspace) continue
    const {
      name: self,
      dependencies,
      optionalDependencies,
      devDependencies,
    } = JSON.parse(await readFile(join(root, workspace, 'package.json'), 'utf8'))
    // Demo data is written where people develop and try, never in production.
    const isForDevelopment = isTest(path) || path.endsWith('/seed.ts')
    const declared = {
      ...dependencies,
      ...optionalDependencies,
      ...(isForDevelopment && devDependencies),
    }
    for (const { specifier, target, isType } of imports) {
      const name = /^(@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[1] as string
      // A type alone comes with the package whose types mention it.
      if (target || isType || specifier.startsWith('node:') || name === self || declared[name]) continue
      problems.push(`${workspace}/package.json lacks ${name} (${path})`)
    }
  }
  assert.deepEqual(problems, [])
})
