/** Something that is found by the beginning of a path. `prefix` is `/api/v1/tasks`, or `/` for all. */
export interface Prefixed {
  prefix: string
}

export interface RouteTable<R extends Prefixed> {
  all: readonly R[]
  /** The entry with the longest prefix of whole segments. `path` has no query. */
  find(path: string): R | undefined
}

/**
 * Longest-prefix match. A lookup per depth that occurs costs the same however many routes there are.
 * @throws Error when two entries have the same prefix.
 */
export function createRouteTable<R extends Prefixed>(routes: readonly R[]): RouteTable<R> {
  const byPrefix = new Map<string, R>()
  for (const route of routes) {
    const key = normalPrefix(route.prefix)
    if (byPrefix.has(key)) throw new Error(`two routes have the prefix ${route.prefix}`)
    byPrefix.set(key, route)
  }
  const depths = [...new Set([...byPrefix.keys()].map(depthOf))].toSorted((a, b) => b - a)
  return {
    all: routes,
    find(path) {
      for (const depth of depths) {
        const head = firstSegments(path, depth)
        const route = head === undefined ? undefined : byPrefix.get(head)
        if (route) return route
      }
      return undefined
    },
  }
}

const normalPrefix = (prefix: string): string => prefix.replace(/\/+$/, '')
const depthOf = (prefix: string): number => prefix.split('/').length - 1

/** `/a/b` of `/a/b/c` for depth 2; undefined when the path is shorter. */
function firstSegments(path: string, depth: number): string | undefined {
  let end = 0
  for (let n = 0; n < depth; n++) {
    if (path.charCodeAt(end) !== 47) return undefined
    const next = path.indexOf('/', end + 1)
    if (next < 0) return n === depth - 1 && path.length > end + 1 ? path : undefined
    end = next
  }
  return path.slice(0, end)
}

const encodedPlain = /%(2[de]|3\d|[46][1-9a-f]|[57][\da]|5f|7e)/gi

/**
 * A path in the one form in which routes and limits are looked up: `%61` means `a` to every service
 * (RFC 3986 §6.2.2.2), so it must to the edge.
 */
export const normalPath = (path: string): string =>
  path.includes('%') ? path.replace(encodedPlain, decodeURIComponent) : path

const dotSegment = /(^|[/\\]|%2f|%5c)(\.|%2e){1,2}([/\\]|%2f|%5c|$)/i
const suspicious = /\.|%2e|\\|%5c/i

/**
 * Whether a path may mean another one to the service behind: `..` steps, also encoded, and
 * backslashes. Such a path could pass the rules of one route and be answered by another.
 */
export const isAmbiguousPath = (path: string): boolean =>
  suspicious.test(path) && (path.includes('\\') || dotSegment.test(path))
