/** TypeScript text of a JSON Schema. Named schemas are collected into `named` and referred to. */
export function typeText(schema: any, named: Map<string, string>): string {
  if (!schema || typeof schema !== 'object') return 'unknown'
  if (schema.$id) {
    if (!named.has(schema.$id)) {
      named.set(schema.$id, '')
      named.set(schema.$id, bare(schema, named))
    }
    return schema.$id
  }
  return bare(schema, named)
}

function bare(schema: any, named: Map<string, string>): string {
  if (schema.$ref)
    return String(schema.$ref)
      .replace(/^#\/?(components\/schemas\/|\$defs\/)?/, '')
      .replace(/#$/, '')
  if (schema.enum) return schema.enum.map((value: unknown) => JSON.stringify(value)).join(' | ')
  if ('const' in schema) return JSON.stringify(schema.const)
  const union = schema.anyOf ?? schema.oneOf
  if (union) return union.map((member: any) => typeText(member, named)).join(' | ')
  if (schema.allOf) return schema.allOf.map((member: any) => `(${typeText(member, named)})`).join(' & ')
  if (Array.isArray(schema.type))
    return schema.type.map((type: string) => bare({ ...schema, type }, named)).join(' | ')
  switch (schema.type) {
    case 'string':
      return 'string'
    case 'integer':
    case 'number':
      return 'number'
    case 'boolean':
      return 'boolean'
    case 'null':
      return 'null'
    case 'void':
      return 'void'
    case 'array':
      return `Array<${typeText(schema.items, named)}>`
    case 'object':
      return objectText(schema, named)
    default:
      return 'unknown'
  }
}

function objectText(schema: any, named: Map<string, string>): string {
  const required = new Set<string>(schema.required ?? [])
  const fields = Object.entries(schema.properties ?? {}).map(
    ([name, property]) =>
      `${/^\w+$/.test(name) ? name : JSON.stringify(name)}${required.has(name) ? '' : '?'}: ${typeText(property, named)}`,
  )
  const pattern =
    Object.values(schema.patternProperties ?? {})[0] ??
    (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined)
  if (pattern) fields.push(`[key: string]: ${fields.length > 0 ? 'unknown' : typeText(pattern, named)}`)
  return fields.length === 0 ? 'Record<string, unknown>' : `{ ${fields.join('; ')} }`
}
