import { SocketAddress } from 'node:net'

/**
 * What counts as one address when counting failures: an IPv4 address, or the /64 of an IPv6 one, since
 * whoever has one address of it has 2⁶⁴. IPv4 within IPv6 (::ffff:192.0.2.1) counts as IPv4.
 */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped) return mapped
  if (!address.includes(':')) return address
  const parsed = SocketAddress.parse(`[${address.split('%')[0]}]:0`)
  if (!parsed) return address
  const [head = '', tail] = parsed.address.split('::')
  const before = head.split(':').filter(Boolean)
  const after = (tail ?? '').split(':').filter(Boolean)
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after]
  return `${groups.slice(0, 4).join(':')}::/64`
}
