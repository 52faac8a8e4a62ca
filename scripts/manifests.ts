import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServiceManifest } from '@ait/kit'

export const root = join(import.meta.dirname, '..')

/** Every service's manifest, by port. */
export async function loadManifests(): Promise<ServiceManifest[]> {
  const entries = await readdir(join(root, 'services'), { withFileTypes: true })
  const manifests = await Promise.all(
    entries
      .filter((entry) => existsSync(join(root, 'services', entry.name, 'service.ts')))
      .map(
        async ({ name }) =>
          (await import(join(root, 'services', name, 'service.ts'))).default as ServiceManifest,
      ),
  )
  return manifests.toSorted((a, b) => a.port - b.port)
}
