import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  contractKnowsTheKit,
  cyclesOf,
  domainIsHandedTheWorld,
  domainIsPure,
  noTestInProduct,
  ownWorkspace,
  packagesOfTheSuite,
  type Rule,
} from './rules.ts'
import { importsOf } from './sources.ts'

/** What a rule says of a file with this text. */
const say = (rule: Rule, path: string, text: string): (string | undefined)[] =>
  importsOf(path, text).map((found) => rule({ path }, found))

test('imports are read in every form that the project uses', () => {
  const text = `import a, { b, type C, d as e } from './one.ts'
import type { F } from 'two'
import {
  g,
} from '../three.ts'
import * as h from 'four'
import 'five'
export { i } from './six.ts'
export * from './seven.ts'
const j = await import('eight')
new Worker(new URL('./nine.ts', import.meta.url))
// import { k } from 'ten'
const l = \`
  select x from 'eleven'\`
`
  assert.deepEqual(
    importsOf('services/a/routes/x.ts', text).map(({ specifier, target, isType, names }) => [
      specifier,
      target,
      isType,
      names,
    ]),
    [
      ['./one.ts', 'services/a/routes/one.ts', false, ['a', 'b', 'd']],
      ['two', undefined, true, []],
      ['../three.ts', 'services/a/three.ts', false, ['g']],
      ['four', undefined, false, []],
      ['./six.ts', 'services/a/routes/six.ts', false, ['i']],
      ['./seven.ts', 'services/a/routes/seven.ts', false, []],
      ['five', undefined, false, []],
      ['eight', undefined, false, []],
      ['./nine.ts', 'services/a/routes/nine.ts', false, []],
    ],
  )
})

for (const [rule, path, specifier, broken] of [
  [packagesOfTheSuite, 'services/a/routes/x.ts', '@ait/b', true],
  [packagesOfTheSuite, 'services/a/routes/x.ts', '@ait/b/contract', true],
  [packagesOfTheSuite, 'services/a/test/x.test.ts', '@ait/b', true],
  [packagesOfTheSuite, 'services/a/routes/x.ts', '@ait/testing', true],
  [packagesOfTheSuite, 'services/a/test/x.test.ts', '@ait/testing', false],
  [packagesOfTheSuite, 'services/a/seed.ts', '@ait/testing', true],
  [packagesOfTheSuite, 'services/a/seed.ts', '@ait/testing/personas', false],
  [packagesOfTheSuite, 'services/a/routes/x.ts', '@ait/client', false],
  [packagesOfTheSuite, 'packages/kit/src/x.ts', '@ait/client', true],
  [packagesOfTheSuite, 'packages/kit/src/x.ts', '@ait/auth', true],
  [packagesOfTheSuite, 'packages/client/src/x.ts', '@ait/kit', true],
  [packagesOfTheSuite, 'apps/suite/src/x.ts', '@ait/auth', false],
  [packagesOfTheSuite, 'apps/suite/src/x.ts', '@ait/testing', true],
  [ownWorkspace, 'services/a/routes/x.ts', '../../b/domain/y.ts', true],
  [ownWorkspace, 'packages/kit/src/x.ts', '../../../services/a/contract.ts', true],
  [ownWorkspace, 'services/a/routes/x.ts', '../domain/y.ts', false],
  [ownWorkspace, 'apps/suite/src/x.ts', '../../../bin/process-lock.mjs', false],
  [ownWorkspace, 'services/a/routes/x.ts', '../../../bin/process-lock.mjs', true],
  [ownWorkspace, 'services/a/test/x.test.ts', '../../../tests/s3/radosgw.ts', false],
  [ownWorkspace, 'services/a/routes/x.ts', '../../../tests/s3/radosgw.ts', true],
  [noTestInProduct, 'services/a/routes/x.ts', '../test/support/y.ts', true],
  [noTestInProduct, 'services/a/test/x.test.ts', './support/y.ts', false],
  [contractKnowsTheKit, 'services/a/contract.ts', './db/queries.ts', true],
  [contractKnowsTheKit, 'services/a/contract/x.ts', 'fastify', true],
  [contractKnowsTheKit, 'services/a/contract.ts', '@ait/kit', false],
  [domainIsPure, 'services/a/domain/x.ts', 'node:fs/promises', true],
  [domainIsPure, 'services/a/domain/x.ts', 'node:net', true],
  [domainIsPure, 'services/a/domain/x.ts', 'postgres', true],
  [domainIsPure, 'services/a/domain/x.ts', '../db/queries.ts', true],
  [domainIsPure, 'services/a/domain/x.ts', 'node:crypto', false],
  [domainIsPure, 'services/a/domain/x.ts', './y.ts', false],
] as const)
  test(`${rule.name}: ${path} ${broken ? 'may not' : 'may'} import ${specifier}`, () => {
    const [problem] = say(rule, path, `import { x } from '${specifier}'`)
    assert.equal(problem !== undefined, broken, String(problem))
  })

test('domain/ may not take what touches the world from the kit, but its types and words', () => {
  const path = 'services/a/domain/x.ts'
  assert.notEqual(say(domainIsPure, path, `import { openPool } from '@ait/kit'`)[0], undefined)
  assert.equal(say(domainIsPure, path, `import { newId, type Pool } from '@ait/kit'`)[0], undefined)
  assert.equal(say(domainIsPure, path, `import type { Row } from '../db/types.ts'`)[0], undefined)
})

test('domain/ may ask node:net what an address is, not for a connection', () => {
  const path = 'services/a/domain/x.ts'
  assert.equal(say(domainIsPure, path, `import { isIP } from 'node:net'`)[0], undefined)
  assert.notEqual(say(domainIsPure, path, `import { connect, isIP } from 'node:net'`)[0], undefined)
  assert.notEqual(say(domainIsPure, path, `import * as net from 'node:net'`)[0], undefined)
})

test('a clock in domain/ is found', () => {
  const text = `export const at = () => new Date()\nexport const on = (now: number) => new Date(now)`
  assert.deepEqual(domainIsHandedTheWorld({ path: 'services/a/domain/x.ts', text }), [
    'services/a/domain/x.ts:1 uses new Date()',
  ])
  assert.deepEqual(domainIsHandedTheWorld({ path: 'services/a/routes/x.ts', text }), [])
})

test('a circle of imports is found, once; one of types is none', () => {
  const file = (path: string, text: string) => ({ path, imports: importsOf(path, text) })
  const circle = [
    file('a.ts', `import { b } from './b.ts'`),
    file('b.ts', `import { c } from './c.ts'`),
    file('c.ts', `import { a } from './a.ts'`),
  ]
  assert.deepEqual(cyclesOf(circle), ['a.ts → b.ts → c.ts → a.ts'])
  assert.deepEqual(cyclesOf([...circle.slice(0, 2), file('c.ts', `import type { A } from './a.ts'`)]), [])
})
