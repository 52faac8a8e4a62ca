import { BlockList, isIP } from 'node:net'

const never = new BlockList()
never.addSubnet('169.254.0.0', 16, 'ipv4')
never.addSubnet('0.0.0.0', 8, 'ipv4')
never.addSubnet('224.0.0.0', 3, 'ipv4')
never.addSubnet('fe80::', 10, 'ipv6')
never.addSubnet('ff00::', 8, 'ipv6')
// Where AWS answers for its metadata by IPv6, and Alibaba Cloud by IPv4.
never.addAddress('fd00:ec2::254', 'ipv6')
never.addAddress('100.100.100.200', 'ipv4')
never.addAddress('::', 'ipv6')

/**
 * Whether an upstream must not be at this address: link-local, where clouds hand out credentials
 * (metadata services), and what is no host at all. Loopback and private networks are where services
 * live, so those are fine.
 */
export function forbiddenAddress(address: string): boolean {
  const plain = address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
  const family = isIP(plain)
  return family !== 0 && never.check(plain, family === 6 ? 'ipv6' : 'ipv4')
}

const metadataNames = /^(metadata|metadata\.google\.internal|instance-data|metadata\.azure\.internal)\.?$/i

export interface TargetUrl {
  host: string
  port: number
  tls: boolean
}

/**
 * Reads a target, `http://host:port`. Number forms of addresses (`http://2852039166`) become dotted
 * ones in the URL parser, so that they cannot hide.
 * @throws Error saying what is wrong with it
 */
export function parseTarget(text: string, allowLinkLocal = false): TargetUrl {
  if (!URL.canParse(text)) throw new Error(`${text} is not an address such as http://host:port`)
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error(`${text}: only http and https`)
  if (url.username || url.password) throw new Error(`${url.host}: an address must not hold credentials`)
  if (url.pathname !== '/' || url.search || url.hash) throw new Error(`${text}: a target has no path`)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (!allowLinkLocal && (forbiddenAddress(host) || metadataNames.test(host)))
    throw new Error(`${text} is a link-local or metadata address; allow_link_local permits it`)
  const tls = url.protocol === 'https:'
  return { host, port: Number(url.port) || (tls ? 443 : 80), tls }
}
