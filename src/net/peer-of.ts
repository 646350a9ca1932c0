const IPV6_NETWORK_GROUPS = 4

/**
 * Who is behind an address: an IPv4 address, or the /64 network of an IPv6 one, of which each customer has a whole.
 * `address` is as Node writes it.
 */
export function peerOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped) return mapped[1] as string
  if (!address.includes(':')) return address
  // `::` stands for as many zeros as are missing.
  const [before = '', after] = address.split('::')
  const groups = before === '' ? [] : before.split(':')
  if (after !== undefined) while (groups.length < IPV6_NETWORK_GROUPS) groups.push('0')
  return groups.slice(0, IPV6_NETWORK_GROUPS).join(':')
}
