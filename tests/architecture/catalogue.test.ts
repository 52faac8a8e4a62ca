import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kitConfig } from '@ait/kit'
import { guideServices } from './guide-services.ts'
import { services } from './services.ts'

/** Names that people know from elsewhere, or from the user's guide; all others begin with their service's. */
const wellKnown: Record<string, RegExp> = {
  auth: /^(ADMIN_EMAIL|ADMIN_PASSWORD|JWT_SECRET_KEY_PREVIOUS|REGISTRATION|OAUTH_\w+)$/,
  gateway: /^(CORS_ORIGINS|REDIS_URL)$/,
  storage: /^(CLAMAV_\w+|S3_\w+)$/,
}

const twice = (values: readonly (string | number)[]): (string | number)[] =>
  values.filter((value, index) => values.indexOf(value) !== index)

test('names, ports and databases are those of the guide, and nobody shares them', () => {
  for (const { name, port, database } of services) {
    const said = guideServices[name]
    if (said) assert.deepEqual({ name, port, database }, { name, ...said })
    else {
      const taken = Object.values(guideServices)
      assert(!taken.some((other) => other.port === port), `${name}: port ${port} is in the guide`)
      assert(!taken.some((other) => other.database === database && database), `${name}: ${database}`)
    }
    if (database !== null) assert.equal(database, `${name.replaceAll('-', '_')}_db`)
  }
  assert.deepEqual(twice(services.map(({ name }) => name)), [])
  assert.deepEqual(twice(services.map(({ port }) => port)), [])
  assert.deepEqual(twice(services.flatMap(({ database }) => database ?? [])), [])
})

test('the guide has 22 services', () => {
  assert.equal(Object.keys(guideServices).length, 22)
})

test('events are named after what happened, once, with a version', () => {
  const types = services.flatMap(({ contract }) => Object.keys(contract.events))
  for (const { name, contract } of services)
    for (const type of Object.keys(contract.events))
      assert.match(type, new RegExp(`^${name}\\.[a-z_]+\\.[a-z_]+\\.v[1-9]\\d*$`))
  assert.deepEqual(twice(types), [])
})

test('what somebody waits for, somebody publishes', () => {
  const published = new Set(services.flatMap(({ contract }) => Object.keys(contract.events)))
  const vain = services.flatMap(({ name, subscriptions = [] }) =>
    subscriptions.filter(({ type }) => !published.has(type)).map(({ type }) => `${name} waits for ${type}`),
  )
  assert.deepEqual(vain, [])
})

test('variables begin with the name of their service or are well known, and say what they mean', () => {
  const problems = services.flatMap(({ name, config }) => {
    const prefix = `${name.toUpperCase().replaceAll('-', '_')}_`
    return Object.entries<{ description?: string }>(config.properties).flatMap(
      ([variable, { description }]) => [
        ...(variable in kitConfig.properties ? [`${name}: ${variable} is the kit's`] : []),
        ...(variable.startsWith(prefix) || wellKnown[name]?.test(variable) ? [] : [`${name}: ${variable}`]),
        ...(description ? [] : [`${name}: ${variable} has no description`]),
      ],
    )
  })
  assert.deepEqual(problems, [])
})
