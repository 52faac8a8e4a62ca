import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPermissive, licenceProblems } from './licences.ts'
import { machinePathsIn } from './machine-paths.ts'

test('of alternatives one is enough, of what applies together all must be permissive', () => {
  for (const good of ['MIT', 'Apache-2.0', '(MPL-2.0 OR Apache-2.0)', 'MIT AND ISC'])
    assert(isPermissive(good), good)
  for (const bad of ['', 'GPL-3.0-only', 'UNLICENSED', 'AGPL-3.0 OR SSPL-1.0', 'MIT AND LGPL-3.0-or-later'])
    assert(!isPermissive(bad), bad)
})

test('every installed production dependency is permissive', async () => {
  assert.deepEqual(await licenceProblems(), [])
})

test('paths of one machine are found, those of every machine are not', () => {
  const somebodys = ['', 'home', 'ann', 'suite'].join('/')
  assert.deepEqual(machinePathsIn(`first\nsee ${somebodys}`), [
    { line: 2, path: somebodys.replace('/suite', '') },
  ])
  for (const text of ['https://example.com/home/ann', '/api/v1/storage', './tmp/x', '/usr/bin/env'])
    assert.deepEqual(machinePathsIn(text), [], text)
})
