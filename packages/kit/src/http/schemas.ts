import { Ajv, type ErrorObject } from 'ajv'
import formats from 'ajv-formats'
import fastJsonStringify from 'fast-json-stringify'
import type { FieldError } from './problems.ts'

/** A copy for Fastify: without the names that only OpenAPI uses. */
export const plain = (schema: unknown): any =>
  JSON.parse(
    JSON.stringify(schema, (key, value) => (key === '$id' && typeof value === 'string' ? undefined : value)),
  )

/** The same for input: fields that the schema does not name are refused. */
export function strict(schema: unknown): any {
  const copy = plain(schema)
  const close = (node: any): void => {
    if (typeof node !== 'object' || node === null) return
    if (
      node.type === 'object' &&
      node.properties &&
      node.additionalProperties === undefined &&
      !node.patternProperties
    )
      node.additionalProperties = false
    Object.values(node).forEach(close)
  }
  close(copy)
  return copy
}

const isDateTime = formats.default.get('date-time') as { validate(text: string): boolean }

/** Of the years 1 to 9999 in UTC: `9999-12-31T23:59:59-12:00` could be stored, and not be answered with. */
function isInstant(text: string): boolean {
  const year = new Date(text).getUTCFullYear()
  return isDateTime.validate(text) && year >= 1 && year <= 9999
}

/**
 * Fastify's compilers, one Ajv per HTTP part: a query is text and is coerced, a JSON body says what
 * it means. Fastify's own default would turn "5" into 5 and drop unknown fields in silence.
 */
export function schemaCompilers() {
  const options = { allErrors: true, useDefaults: true, strict: false } as const
  const body = formats.default(new Ajv(options)).addFormat('date-time', isInstant)
  const text = formats
    .default(new Ajv({ ...options, coerceTypes: 'array' }))
    .addFormat('date-time', isInstant)
  return {
    validator: ({ schema, httpPart }: { schema: any; httpPart?: string }) =>
      (httpPart === 'body' ? body : text).compile(schema) as any,
    serializer: ({ schema }: { schema: any }) => fastJsonStringify(schema) as any,
  }
}

const parts: Record<string, string> = {
  querystring: 'query',
  params: 'path',
  headers: 'header',
  body: 'body',
}
const maxErrors = 20

/** Ajv's errors in FastAPI's shape: where, what, and which rule. */
export function fieldErrors(part: string, errors: readonly Partial<ErrorObject>[]): FieldError[] {
  const seen = new Set<string>()
  return errors.slice(0, maxErrors).flatMap((error) => {
    const path = (error.instancePath ?? '')
      .split('/')
      .slice(1)
      .map((step) => (/^\d+$/.test(step) ? Number(step) : shown(unescape(step))))
    const extra = error.params?.['missingProperty'] ?? error.params?.['additionalProperty']
    const loc = [parts[part] ?? part, ...path, ...(extra === undefined ? [] : [shown(String(extra))])]
    const place = JSON.stringify(loc)
    if (seen.has(place)) return []
    seen.add(place)
    return [
      {
        loc,
        msg: messageOf(error),
        type: error.keyword === 'required' ? 'missing' : (error.keyword ?? 'invalid'),
      },
    ]
  })
}

/** JSON Pointer's own escapes (RFC 6901). */
const unescape = (step: string): string => step.replaceAll('~1', '/').replaceAll('~0', '~')
/** A caller's own field name may be as long as a body. */
const shown = (name: string): string => (name.length > 100 ? `${name.slice(0, 100)}…` : name)

function messageOf(error: Partial<ErrorObject>): string {
  if (error.keyword === 'required') return 'is required'
  if (error.keyword === 'additionalProperties') return 'is not a known field'
  if (error.keyword === 'enum')
    return `must be one of ${(error.params?.['allowedValues'] as unknown[] | undefined)?.join(', ')}`
  return error.message ?? 'is not valid'
}
