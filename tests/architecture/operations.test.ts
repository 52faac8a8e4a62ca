import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { completeContract, pathOf, type Operation, type ServiceManifest } from '@ait/kit'
import { fieldErrors, schemaCompilers, strict } from '../../packages/kit/src/http/schemas.ts'
import { projectFiles } from '../../scripts/check/files.ts'
import { root } from '../../scripts/manifests.ts'
import { folderOf, services } from './services.ts'

const files = await projectFiles()
const { validator } = schemaCompilers()

for (const service of services) describe(service.name, () => operationsOf(service))

function operationsOf(service: ServiceManifest): void {
  const { operations } = completeContract(service.contract, service.database !== null)
  const every = (problem: (operation: Operation, name: string) => string | string[] | undefined): string[] =>
    Object.entries(operations).flatMap(([name, operation]) => {
      const found = [problem(operation, name) ?? []].flat()
      return found.map((text) => `${name}: ${text}`)
    })

  test('every operation says in a line what it does', () => {
    const problems = every(({ spec }) =>
      /^[A-Z].*[^.]$/s.test(spec.summary) && spec.summary.length <= 120
        ? undefined
        : `the summary "${spec.summary}"`,
    )
    assert.deepEqual(problems, [])
  })

  test('every operation says who may call it, in words that its policy knows', () => {
    assert.deepEqual(
      every(({ spec: { allow } }) => (isKnown(allow, service) ? undefined : allow)),
      [],
    )
  })

  test('every operation has an example that its own schemas accept', () => {
    assert.deepEqual(every(exampleProblems), [])
  })

  test('every operation is called by its name in a test of the service', async () => {
    const tests = files.filter(
      (path) => path.startsWith(`${folderOf(service)}/test/`) && path.endsWith('.ts'),
    )
    const texts = await Promise.all(tests.map((path) => readFile(join(root, path), 'utf8')))
    const untested = Object.keys(service.contract.operations).filter(
      (name) => !texts.some((text) => text.includes(`'${name}'`)),
    )
    assert.deepEqual(untested, [])
  })

  test('every list comes in pages', () => {
    const problems = every(({ spec }) => {
      const answer = spec[200] as { type?: string; properties?: Record<string, unknown> } | undefined
      if (answer?.type === 'array') return 'answers a bare array: use PageOf'
      const { items, next_cursor } = answer?.properties ?? {}
      if (!items || !next_cursor) return undefined
      const query = Object.keys(spec.query?.properties ?? {})
      return query.includes('limit') && query.includes('cursor') ? undefined : 'takes no limit and cursor'
    })
    assert.deepEqual(problems, [])
  })

  test('no two operations answer at the same address', () => {
    const addresses = Object.values(operations).map(
      (operation) => `${operation.method} ${pathOf(service.contract, operation).replaceAll(/:\w+/g, ':')}`,
    )
    assert.deepEqual(
      addresses.filter((address, index) => addresses.indexOf(address) !== index),
      [],
    )
  })
}

function isKnown(allow: string, { policy }: ServiceManifest): boolean {
  if (['public', 'user', 'admin', 'service'].includes(allow)) return true
  if (/^permission:[a-z_]+\.[a-z_]+$/.test(allow)) return true
  const [type, ability] = allow.split('.') as [string, string]
  const rules = policy[type]
  if (!rules) return false
  // What `extra` grants is only known for a row.
  return rules.extra !== undefined || Object.values(rules.roles).some((granted) => granted?.includes(ability))
}

/** What a service would say of the example if it were sent. */
function exampleProblems({ spec }: Operation): string[] {
  const { example } = spec
  return (['params', 'query', 'body'] as const).flatMap((part) => {
    const schema = spec[part]
    if (!schema) return example[part] === undefined ? [] : [`${part} is in the example only`]
    // A streamed body is described by its schema, and shown where it can be.
    if (part === 'body' && spec.consumes && example.body === undefined) return []
    const httpPart = part === 'query' ? 'querystring' : part
    const validate = validator({ schema: strict(schema), httpPart })
    const given = structuredClone(example[part] ?? (part === 'body' ? undefined : {}))
    if (validate(given)) return []
    return fieldErrors(httpPart, validate.errors).map(({ loc, msg }) => `${loc.join('.')} ${msg}`)
  })
}
