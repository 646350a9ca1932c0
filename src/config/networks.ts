import { BlockList, isIP } from 'node:net'
import { list } from './parsers.ts'
import type { Parser } from './setting.ts'

const subnets = list('10.0.0.5, 10.1.0.0/16', (part) => {
  const [address = '', bits, ...rest] = part.split('/')
  const version = isIP(address)
  const maxBits = version === 4 ? 32 : 128
  const isNumber = bits === undefined || /^\d{1,3}$/.test(bits)
  if (version === 0 || rest.length > 0 || !isNumber || Number(bits ?? 0) > maxBits) return undefined
  return [address, Number(bits ?? maxBits), version === 4 ? 'ipv4' : 'ipv6'] as const
})

/** Addresses and networks as Node matches them. An IPv4 address matches its spelling in IPv6, too. */
export const networks: Parser<BlockList> = (text, isGiven) => {
  const found = new BlockList()
  for (const subnet of subnets(text, isGiven)) found.addSubnet(...subnet)
  return found
}

/** Whether a host, as one listens on it or as a URL names it, is this machine and no other can reach it. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)
}
