import { join } from 'node:path'
import { catalogue } from '@ait/client'
import type { ServiceInfo, ServiceManifest } from '@ait/kit'
import { root, type Environment } from './environment.ts'
import { Trouble } from './trouble.ts'

/**
 * The services to start: those named, else those of `SERVICES`, else all.
 * @throws Trouble for a name that is not in the catalogue.
 */
export function chooseServices(names: readonly string[], env: Environment): readonly ServiceInfo[] {
  const wanted = names.length > 0 ? names : (env['SERVICES'] ?? '').split(/[\s,]+/).filter(Boolean)
  for (const name of wanted) {
    if (catalogue.some((service) => service.name === name)) continue
    throw new Trouble(
      `There is no service ${name}: choose from ${catalogue.map((service) => service.name).join(', ')}.`,
    )
  }
  return wanted.length === 0 ? catalogue : catalogue.filter(({ name }) => wanted.includes(name))
}

/** Loads the code of the services, and of no other. */
export const loadManifests = (services: readonly { name: string }[]): Promise<ServiceManifest[]> =>
  Promise.all(
    services.map(
      async ({ name }) =>
        (await import(join(root, 'services', name, 'service.ts'))).default as ServiceManifest,
    ),
  )
