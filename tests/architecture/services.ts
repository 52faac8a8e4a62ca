import { relative } from 'node:path'
import type { ServiceManifest } from '@ait/kit'
import { loadManifests, root } from '../../scripts/manifests.ts'
import template from '../../scripts/new-service/template/service.ts'

/** Every service, and the template from which new ones are made. */
export const services: readonly ServiceManifest[] = [...(await loadManifests()), template]

/** Folder of a service from the project's folder: `services/auth`. */
export const folderOf = (service: ServiceManifest): string => relative(root, service.folder)
