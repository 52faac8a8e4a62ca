import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, test } from 'node:test'
import type { ServiceManifest } from '@ait/kit'
import { root } from '../../scripts/manifests.ts'
import { projectFiles } from '../../scripts/check/files.ts'
import { folderOf, services } from './services.ts'

/** What every service folder has, and what it may have beside. */
const needed = [
  'README.md',
  'config.ts',
  'contract.ts',
  'kit.ts',
  'package.json',
  'policy.ts',
  'routes',
  'service.ts',
  'test',
]
const allowed = ['contract', 'db', 'deps.ts', 'domain', 'events.ts', 'jobs.ts', 'mount.ts', 'seed.ts']

/** Folders that a service has for a field of its own: a wire protocol, an outside system, a process. */
const fields: Record<string, readonly string[]> = {
  auth: ['accounts', 'keys', 'oauth', 'pages', 'sessions', 'sign-in', 'webauthn'],
  gateway: ['proxy'],
  storage: ['antivirus', 'blobs', 'download', 'links', 'thumbnails', 'upload', 'zip'],
}

const isName = /^[a-z][a-z0-9]*([-.][a-z0-9]+)*$/
const files = await projectFiles()

test('every folder in services/ is a service', async () => {
  const folders = (await readdir(join(root, 'services'))).toSorted()
  const found = services.map(folderOf).filter((folder) => folder.startsWith('services/'))
  assert.deepEqual(
    folders.map((name) => `services/${name}`),
    found.toSorted(),
  )
})

for (const service of services) describe(service.name, () => shapeOf(service))

function shapeOf(service: ServiceManifest): void {
  const folder = folderOf(service)
  const own = files
    .filter((path) => path.startsWith(`${folder}/`))
    .map((path) => path.slice(folder.length + 1))

  test('has the files and folders of a service, and no others', async () => {
    const entries = await readdir(service.folder)
    const known = [...needed, ...allowed, ...(fields[service.name] ?? [])]
    assert.deepEqual(
      needed.filter((name) => !entries.includes(name)),
      [],
      'missing',
    )
    assert.deepEqual(
      entries.filter((name) => !known.includes(name) && name !== 'node_modules'),
      [],
      'unknown',
    )
  })

  test('is called the same everywhere', async () => {
    if (folder.startsWith('services/')) assert.equal(basename(folder), service.name)
    assert.equal(service.contract.service, service.name)
    const manifest = JSON.parse(await readFile(join(service.folder, 'package.json'), 'utf8'))
    assert.equal(manifest.name, `@ait/${service.name}`)
    assert.equal(manifest.version, service.version)
    assert.equal(manifest.private, true)
    assert.equal(manifest.type, 'module')
    assert.deepEqual(manifest.exports, { '.': './service.ts', './contract': './contract.ts' })
    const readme = await readFile(join(service.folder, 'README.md'), 'utf8')
    assert.match(readme.split('\n')[0] as string, new RegExp(`^# ${service.name}$`, 'i'))
  })

  test('has tests', () => {
    assert(own.some((path) => /^test\/[^/]+\.test\.ts$/.test(path)))
  })

  test('names its files in small letters', () => {
    const odd = own.filter((path) => path !== 'README.md' && !path.split('/').every(isNameOrMigration))
    assert.deepEqual(odd, [])
  })

  test('has a folder for its database exactly when it has one', () => {
    assert.equal(existsSync(join(service.folder, 'db')), service.database !== null)
    if (service.database === null) return
    const migrations = own.flatMap((path) => /^db\/migrations\/(.+)$/.exec(path)?.[1] ?? [])
    assert.equal(migrations[0], '0001_init.sql')
    assert.deepEqual(
      migrations.map((name) => /^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]),
      migrations.map((_, index) => String(index + 1).padStart(4, '0')),
    )
    assert(own.includes('db/types.ts'), 'run npm run generate')
  })
}

const isNameOrMigration = (name: string): boolean => isName.test(name) || /^\d{4}_[a-z0-9_]+\.sql$/.test(name)
