import { Type as T, type Static, type TObject, type TProperties, type TSchema } from 'typebox'

export { T }
export type { Static, TObject, TProperties, TSchema }

/** A UUIDv7 (RFC 9562): unique, and sortable by the time it was made. */
export const Id = T.String({ format: 'uuid', description: 'UUIDv7' })
/** An instant, RFC 3339 with zone, millisecond precision. */
export const Timestamp = T.String({ format: 'date-time', description: 'RFC 3339 instant' })
export const Email = T.String({ format: 'email', maxLength: 254 })
export const Version = T.Integer({ minimum: 1, description: 'Grows by one with each change; the ETag' })
export const Abilities = T.Array(T.String(), { description: 'What the caller may do to this resource' })

/** Gives a schema the name under which OpenAPI and the generated clients know it. */
export const named = <S extends TSchema>(name: string, schema: S): S => ({ ...schema, $id: name })

export const nullable = <S extends TSchema>(schema: S) => T.Union([schema, T.Null()])

/** Query of a list: the service's own filters, plus the page. */
export const Page = <P extends TProperties>(filters: P = {} as P) =>
  T.Object({
    ...filters,
    limit: T.Optional(T.Integer({ minimum: 1, description: 'Items per page; more than 200 gives 200' })),
    cursor: T.Optional(T.String({ maxLength: 2048, description: 'next_cursor of the page before' })),
  })

/** A page of a list. `next_cursor` is null on the last one. */
export const PageOf = <S extends TSchema>(item: S) =>
  T.Object({ items: T.Array(item), next_cursor: nullable(T.String()) })

/** RFC 9457, with a stable `code` and, for 422, the fields at fault. */
export const ProblemSchema = named(
  'Problem',
  T.Object({
    type: T.String(),
    title: T.String(),
    status: T.Integer(),
    detail: T.String(),
    code: T.String(),
    errors: T.Optional(
      T.Array(
        T.Object({ loc: T.Array(T.Union([T.String(), T.Integer()])), msg: T.String(), type: T.String() }),
      ),
    ),
  }),
)
