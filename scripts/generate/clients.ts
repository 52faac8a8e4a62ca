import { pathOf, successStatuses, type Contract, type Operation, type ServiceManifest } from '@ait/kit'
import { camel, pascal, header } from './names.ts'
import { typeText } from './types.ts'

/** The client of one service: its named types and one function per operation. */
export function clientText(contract: Contract): string {
  const named = new Map<string, string>()
  const functions = Object.entries(contract.operations).map(([name, operation]) =>
    functionText(contract, name, operation, named),
  )
  const types = [...named].map(([name, text]) =>
    text.startsWith('{') ? `export interface ${name} ${text}` : `export type ${name} = ${text}`,
  )
  const events = Object.entries(contract.events).map(
    ([type, schema]) => `  '${type}': ${typeText(schema, named)}`,
  )
  return `${header}import { run, runStream, type Caller, type CallOptions, type StreamBody } from './call.ts'

${types.join('\n\n')}

/** Data of the events that ${contract.service} publishes. */
export interface ${pascal(contract.service)}Events {
${events.join('\n')}
}

/** Every operation of the ${contract.service} service. */
export const ${camel(contract.service)}Client = (caller: Caller) => ({
${functions.join('\n')}
})
export type ${pascal(contract.service)}Client = ReturnType<typeof ${camel(contract.service)}Client>
`
}

function functionText(
  contract: Contract,
  name: string,
  operation: Operation,
  named: Map<string, string>,
): string {
  const { spec } = operation
  const streams = Boolean(spec.consumes || spec.produces)
  const parts = [
    spec.params && `params: ${typeText(spec.params, named)}`,
    spec.query && `query${(spec.query as any).required?.length ? '' : '?'}: ${typeText(spec.query, named)}`,
    (spec.body || spec.consumes) && `body: ${streams ? 'StreamBody' : typeText(spec.body, named)}`,
  ].filter(Boolean)
  const needed = spec.params || spec.body || spec.consumes || (spec.query as any)?.required?.length
  const input =
    parts.length === 0 ? 'input: {} = {}' : `input: { ${parts.join('; ')} }${needed ? '' : ' = {}'}`
  const results = [
    ...new Set(
      successStatuses.flatMap((status) =>
        spec[status] && status < 204 ? [typeText(spec[status], named)] : [],
      ),
    ),
  ]
  const result = streams ? 'Response' : results.join(' | ') || 'void'
  const call = streams ? 'runStream' : 'run'
  return `  /** ${spec.summary}. Who may: ${spec.allow}. */
  ${name}: (${input}, options: CallOptions = {}): Promise<${result}> =>
    ${call}(caller, '${contract.service}', '${operation.method}', '${pathOf(contract, operation)}', input, options),`
}

export function indexText(manifests: readonly ServiceManifest[]): string {
  const exports = manifests.map(
    ({ name }) =>
      `export { ${camel(name)}Client, type ${pascal(name)}Client, type ${pascal(name)}Events } from './${name}.gen.ts'\nexport type * as ${camel(name)} from './${name}.gen.ts'`,
  )
  return `${header}export * from './catalogue.gen.ts'\n${exports.join('\n')}\n`
}

/** What the services know of each other: names, ports, who subscribes to what. */
export function catalogueText(manifests: readonly ServiceManifest[]): string {
  const entries = manifests.map(({ name, title, port, contract, subscriptions = [] }) => {
    const info = {
      name,
      title,
      port,
      path: contract.basePath,
      subscriptions: subscriptions.map(({ type }) => type),
    }
    return `  ${JSON.stringify(info)},`
  })
  return `${header}/** Every service of the suite, by port. */
export const catalogue: readonly { name: string; title: string; port: number; path: string; subscriptions: readonly string[] }[] = [
${entries.join('\n')}
]
`
}
