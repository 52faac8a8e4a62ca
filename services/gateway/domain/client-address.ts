import { BlockList, isIP } from 'node:net'

/** Where a request comes from, as far as the proxies in front can be believed. */
export interface ClientOrigin {
  address: string
  proto: 'http' | 'https'
  host: string
}

export interface ForwardedHeaders {
  'x-forwarded-for'?: string | undefined
  'x-forwarded-proto'?: string | undefined
  'x-forwarded-host'?: string | undefined
  forwarded?: string | undefined
}

/** Names for groups of addresses, as other proxies know them. */
const groups: Record<string, string> = {
  loopback: '127.0.0.0/8,::1/128',
  linklocal: '169.254.0.0/16,fe80::/10',
  uniquelocal: '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7',
}

/**
 * The proxies whose word counts.
 * @param list addresses, CIDR blocks and names of groups with commas between them, `10.0.0.0/8, loopback`
 * @throws Error naming an entry that is none of these
 */
export function trustedProxies(list: string): (address: string) => boolean {
  const named = list.split(',').map((entry) => groups[entry.trim()] ?? entry.trim())
  const entries = named
    .join(',')
    .split(',')
    .filter((entry) => entry !== '')
  if (entries.length === 0) return () => false
  const blocks = new BlockList()
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    const family = isIP(address)
    if (family === 0) throw new Error(`${entry} is not an address or CIDR block`)
    const type = family === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) blocks.addAddress(address, type)
    else blocks.addSubnet(address, Number(bits), type)
  }
  return (address) => {
    const family = isIP(address)
    return family !== 0 && blocks.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** `::ffff:192.0.2.1` is 192.0.2.1. */
export const plainAddress = (address: string | undefined): string =>
  address === undefined ? 'unknown' : address.startsWith('::ffff:') ? address.slice(7) : address

/**
 * Believes `X-Forwarded-*` or `Forwarded` (RFC 7239) only from a trusted peer: the client is the last
 * address in the chain that is not itself a trusted proxy.
 */
export function clientOrigin(
  peer: string,
  direct: { proto: 'http' | 'https'; host: string },
  headers: ForwardedHeaders,
  isTrusted: (address: string) => boolean,
): ClientOrigin {
  if (!isTrusted(peer)) return { address: peer, ...direct }
  const told =
    headers['x-forwarded-for'] === undefined && headers.forwarded ? readForwarded(headers.forwarded) : null
  const chain = told?.chain ?? split(headers['x-forwarded-for'])
  const proto = (told?.proto ?? split(headers['x-forwarded-proto'])[0])?.toLowerCase()
  const host = told?.host ?? split(headers['x-forwarded-host'])[0]
  return {
    address: lastUntrusted(chain, peer, isTrusted),
    proto: proto === 'https' || proto === 'http' ? proto : direct.proto,
    host: host && isHost(host) ? host : direct.host,
  }
}

function lastUntrusted(chain: string[], peer: string, isTrusted: (address: string) => boolean): string {
  let address = peer
  for (const next of chain.toReversed()) {
    const plain = plainAddress(next)
    if (isIP(plain) === 0) break
    address = plain
    if (!isTrusted(plain)) break
  }
  return address
}

/** @returns chain of `for`, and `proto` and `host` of the first hop */
function readForwarded(header: string): { chain: string[]; proto?: string; host?: string } {
  const hops = header.split(',').map((hop) =>
    Object.fromEntries(
      hop.split(';').map((pair) => {
        const at = pair.indexOf('=')
        return [pair.slice(0, at).trim().toLowerCase(), unquote(pair.slice(at + 1).trim())]
      }),
    ),
  )
  const chain = hops.map((hop) => withoutPort(hop['for'] ?? ''))
  const { proto, host } = hops[0] ?? {}
  return { chain, ...(proto && { proto }), ...(host && { host }) }
}

const split = (value: string | undefined): string[] =>
  value ? value.split(',').map((part) => part.trim()) : []
const unquote = (value: string): string => value.replace(/^"(.*)"$/, '$1')
/** `[2001:db8::1]:4711` and `192.0.2.1:80` without their ports. */
const withoutPort = (node: string): string =>
  node.startsWith('[') ? node.slice(1, node.indexOf(']')) : node.replace(/^([\d.]+):\d+$/, '$1')

/** `example.com`, `[::1]:8001`: nothing that could break out of a header or an address. */
export const isHost = (value: string): boolean => /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i.test(value)

const inside = trustedProxies('loopback, uniquelocal')

/** An address of this machine or of a private network (RFC 1918, RFC 4193). */
export const isPrivateAddress = (address: string): boolean => inside(address)
