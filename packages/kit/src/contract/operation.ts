import type { Static, TObject, TSchema } from 'typebox'

/**
 * Who may call an operation.
 * - `public`: anybody; a valid token is still recognised.
 * - `user`: a signed-in person, or a service acting for itself.
 * - `admin`: a person with the role admin.
 * - `service`: only another part of the suite (service token).
 * - `permission:hr.manage`: a person whom a group gives that permission, or an admin.
 * - `file.edit`: whoever the policy of `file` grants `edit`; the handler asks with `ctx.find`.
 */
export type Allow = 'public' | 'user' | 'admin' | 'service' | `permission:${string}` | `${string}.${string}`

export interface Example {
  params?: Record<string, unknown>
  query?: Record<string, unknown>
  body?: unknown
  response?: unknown
}

export interface OperationSpec {
  summary: string
  description?: string
  allow: Allow
  params?: TObject
  query?: TObject
  body?: TSchema
  200?: TSchema
  201?: TSchema
  202?: TSchema
  204?: TSchema
  302?: TSchema
  example: Example
  /** Honour `Idempotency-Key`: same key and body, same answer. */
  idempotent?: boolean
  /** Honour `If-Match` against the resource's version: 412 when it is stale. */
  ifMatch?: boolean
  /** Writes run in one transaction unless the handler opens its own with `ctx.write`. */
  transaction?: 'manual'
  /** Media type of a body that the handler reads itself, as a stream. */
  consumes?: string
  /** Media type of an answer that is not JSON. */
  produces?: string
  bodyLimitBytes?: number
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Operation<S extends OperationSpec = OperationSpec> {
  method: Method
  path: string
  spec: S
}

const operation =
  (method: Method) =>
  <const S extends OperationSpec>(path: string, spec: S): Operation<S> => ({ method, path, spec })

export const get = operation('GET')
export const head = operation('HEAD')
export const post = operation('POST')
export const put = operation('PUT')
export const patch = operation('PATCH')
export const del = operation('DELETE')

type StaticOr<S, Else> = S extends TSchema ? Static<S> : Else

export type ParamsOf<O extends Operation> = StaticOr<O['spec']['params'], Record<string, never>>
export type QueryOf<O extends Operation> = StaticOr<O['spec']['query'], Record<string, never>>
export type BodyOf<O extends Operation> = StaticOr<O['spec']['body'], undefined>
/** What a handler gives back: the success schemas' type, nothing for 204, anything for a stream. */
export type ResultOf<O extends Operation> = O['spec'] extends { produces: string }
  ? unknown
  : | StaticOr<O['spec'][200], never>
    | StaticOr<O['spec'][201], never>
    | StaticOr<O['spec'][202], never>
    | NoContent<O>
type NoContent<O extends Operation> = O['spec'] extends { 204: TSchema } | { 302: TSchema } ? void : never

export const successStatuses = [200, 201, 202, 204, 302] as const

/** The status that an operation answers with unless its handler chooses another. */
export const successStatus = (operation: Operation): number =>
  successStatuses.find((status) => operation.spec[status]) ?? 200

export const isWrite = (operation: Operation): boolean =>
  operation.method !== 'GET' && operation.method !== 'HEAD'
