import type { Directory, Environment } from '@ait/kit'

/** A service of the suite from the point of view of its health. */
export interface Member {
  name: string
  /** Without it the suite is down. */
  isExpected: boolean
  /** Whether it is asked at all. */
  isAsked: boolean
}

/**
 * Together: the services of this process are what there is. Apart: all are asked, but only those
 * that somebody has named (`GATEWAY_EXPECTED_SERVICES`, `<NAME>_URL`) must answer.
 */
export function membersOf(
  services: Pick<Directory, 'all' | 'local'>,
  self: string,
  expected: string,
  env: Environment,
): Member[] {
  const named = new Set(expected.split(',').map((name) => name.trim()))
  const others = services.all.filter(({ name }) => name !== self)
  const isTogether = others.some(({ name }) => services.local(name) !== undefined)
  return others.map(({ name }) => {
    const hasUrl = Boolean(env[`${name.toUpperCase().replaceAll('-', '_')}_URL`])
    const isExpected = services.local(name) !== undefined || named.has(name) || hasUrl
    return { name, isExpected, isAsked: isExpected || !isTogether }
  })
}
