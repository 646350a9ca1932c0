import { BlockList, isIP } from 'node:net'

/**
 * Addresses and networks like `10.0.0.0/8, 2001:db8::1`, as Node matches them. A spelling of IPv4 in IPv6 is the same.
 * @throws RangeError with the parts that are neither, in quotes; with all of the text if one of them is empty
 */
export function parseNetworks(text: string): BlockList {
  const list = new BlockList()
  const wrong: string[] = []
  for (const part of text.split(',').map((each) => each.trim())) {
    const [address = '', bits, ...rest] = part.split('/')
    const version = isIP(address)
    const isNumber = bits === undefined || /^\d{1,3}$/.test(bits)
    const maxBits = version === 4 ? 32 : 128
    if (version === 0 || rest.length > 0 || !isNumber || Number(bits ?? 0) > maxBits) wrong.push(part)
    else list.addSubnet(address, Number(bits ?? maxBits), version === 4 ? 'ipv4' : 'ipv6')
  }
  if (wrong.length === 0) return list
  throw new RangeError((wrong.includes('') ? [text] : wrong).map((part) => `"${part}"`).join(', '))
}

/**
 * Hosts as URLs spell them, with or without a port, like `files.example.com, 10.0.0.5:9000, [::1]`; in lower case.
 * @throws RangeError with the parts that are none, in quotes
 */
export function parseHosts(text: string): readonly string[] {
  const parts = text.split(',').map((part) => part.trim().toLowerCase())
  const wrong = parts.filter((part) => !isHost(part))
  if (wrong.length === 0) return parts
  throw new RangeError(wrong.map((part) => `"${part}"`).join(', '))
}

/** As a URL has it, so that it can be compared with one: no scheme, path, user, or other spelling of an address. */
function isHost(text: string): boolean {
  const [, host, port] = /^([a-z\d._-]+|\[[\da-f:.]+\])(?::([1-9]\d{0,4}))?$/.exec(text) ?? []
  return host !== undefined && Number(port ?? 1) <= 65_535 && URL.parse(`http://${host}`)?.hostname === host
}

/** Whether a host, as one listens on it or as a URL names it, is this machine and no other can reach it. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)
}
