import { ProblemSchema } from '../contract/schema.ts'
import { pathOf, type Contract } from '../contract/contract.ts'
import { successStatuses, type Operation } from '../contract/operation.ts'

type Json = Record<string, any>

export interface ApiInfo {
  title: string
  description: string
  version: string
}

/** The OpenAPI 3.1 document of a contract. TypeBox schemas are JSON Schema 2020-12 already. */
export function openApi(contract: Contract, { title, description, version }: ApiInfo): Json {
  const schemas: Json = {}
  const paths: Json = {}
  for (const [id, operation] of Object.entries(contract.operations)) {
    const path = pathOf(contract, operation)
      .replace(/:(\w+)/g, '{$1}')
      .replace(/\*$/, '{path}')
    const item = (paths[path] ??= {})
    item[operation.method.toLowerCase()] = describe(id, contract, operation, schemas)
  }
  reference(ProblemSchema, schemas)
  return {
    openapi: '3.1.0',
    info: { title, description, version },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      responses: {
        Problem: {
          description: 'Problem (RFC 9457)',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  }
}

function describe(id: string, contract: Contract, { spec }: Operation, schemas: Json): Json {
  const example = spec.example
  const parameters = [
    ...parametersOf(spec.params, 'path', example.params, schemas),
    ...parametersOf(spec.query, 'query', example.query, schemas),
    ...(spec.ifMatch ? [header('If-Match', 'ETag that you saw; 412 when it is stale')] : []),
    ...(spec.idempotent ? [header('Idempotency-Key', 'Same key and body, same answer')] : []),
  ]
  const media = spec.consumes ?? 'application/json'
  return {
    operationId: id,
    tags: [contract.service],
    summary: spec.summary,
    description: `${spec.description ?? ''}\n\nWho may call it: \`${spec.allow}\``.trim(),
    'x-allow': spec.allow,
    ...(spec.allow === 'public' ? {} : { security: [{ bearer: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(spec.body && {
      requestBody: {
        required: true,
        content: {
          [media]: {
            schema: reference(spec.body, schemas),
            ...(example.body !== undefined && { example: example.body }),
          },
        },
      },
    }),
    responses: responsesOf(spec, schemas),
  }
}

function responsesOf(spec: Operation['spec'], schemas: Json): Json {
  const responses: Json = {}
  for (const status of successStatuses) {
    const schema = spec[status]
    if (!schema) continue
    const empty = status === 204 || status === 302
    responses[status] = {
      description: spec.summary,
      ...(!empty && {
        content: {
          [spec.produces ?? 'application/json']: {
            schema: spec.produces ? {} : reference(schema, schemas),
            ...(spec.example.response !== undefined && { example: spec.example.response }),
          },
        },
      }),
    }
  }
  return { ...responses, default: { $ref: '#/components/responses/Problem' } }
}

const header = (name: string, description: string): Json => ({
  name,
  in: 'header',
  description,
  schema: { type: 'string' },
})

function parametersOf(
  schema: Operation['spec']['params'],
  where: string,
  example: Json = {},
  schemas: Json,
): Json[] {
  if (!schema) return []
  const required: string[] = (schema as Json)['required'] ?? []
  return Object.entries(schema.properties).map(([name, property]) => ({
    // Fastify's name of what a wildcard takes.
    name: name === '*' ? 'path' : name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...((property as Json)['description'] && { description: (property as Json)['description'] }),
    schema: reference(property, schemas),
    ...(example[name] !== undefined && { example: example[name] }),
  }))
}

/** Replaces named schemas by references into `schemas`. */
export function reference(schema: any, schemas: Json): Json {
  if (Array.isArray(schema)) return schema.map((item) => reference(item, schemas))
  if (typeof schema !== 'object' || schema === null) return schema
  const { $id, ...rest } = schema
  const plain = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [
      key,
      key === 'examples' || key === 'default' ? value : reference(value, schemas),
    ]),
  )
  if (!$id) return plain
  schemas[$id] ??= plain
  return { $ref: `#/components/schemas/${$id}` }
}
