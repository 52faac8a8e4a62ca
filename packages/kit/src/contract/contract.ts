import type { TSchema } from 'typebox'
import type { Operation } from './operation.ts'

export interface Contract {
  /** Name of the service. */
  service: string
  /** Where its API lives: `/api/v1/<service>`. */
  basePath: string
  operations: Record<string, Operation>
  /** Data schema of each event that the service publishes, by `service.thing.happened.vN`. */
  events: Record<string, TSchema>
}

/**
 * The public face of a service: its operations and the events it publishes.
 * Paths are relative to `/api/v1/<service>`, save those that begin with `~/`: they stand at the root.
 */
export function defineContract<
  const O extends Record<string, Operation>,
  const E extends Record<string, TSchema>,
>(service: string, parts: { operations: O; events?: E }): Contract & { operations: O; events: E } {
  const events = parts.events ?? ({} as E)
  for (const type of Object.keys(events)) {
    if (!new RegExp(`^${service}\\.[a-z_]+\\.[a-z_]+\\.v\\d+$`).test(type))
      throw new Error(`event ${type} must be named ${service}.thing.happened.vN`)
  }
  return { service, basePath: `/api/v1/${service}`, operations: parts.operations, events }
}

/** The full path of an operation, with `:name` parameters. */
export const pathOf = (contract: Contract, operation: Operation): string =>
  operation.path.startsWith('~/')
    ? operation.path.slice(1)
    : contract.basePath + (operation.path === '/' ? '' : operation.path)
