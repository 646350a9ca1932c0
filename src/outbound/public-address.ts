import { BlockList, isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'

/**
 * IPv4 outside the public network (IANA, "IPv4 Special-Purpose Address Registry", and multicast and reserved space),
 * and the one public address that a cloud uses for its own machines.
 */
const SPECIAL_IPV4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  // Carriers, and the metadata of Alibaba Cloud.
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local, and the metadata of most clouds.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  // Oracle's metadata among them.
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  // Azure's platform, seen from its machines only.
  ['168.63.129.16', 32],
] as const

/** The only global unicast space that IANA gives out. All else is refused: IPv4 in IPv6, NAT64, unique local, multicast. */
const GLOBAL_IPV6 = ['2000::', 3] as const

/** The special networks in it (IANA, "IPv6 Special-Purpose Address Registry"): Teredo and others, documentation, 6to4. */
const SPECIAL_IPV6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
] as const

const specialIpv4 = new BlockList()
for (const [network, bits] of SPECIAL_IPV4) specialIpv4.addSubnet(network, bits, 'ipv4')
const globalIpv6 = new BlockList()
globalIpv6.addSubnet(...GLOBAL_IPV6, 'ipv6')
const specialIpv6 = new BlockList()
for (const [network, bits] of SPECIAL_IPV6) specialIpv6.addSubnet(network, bits, 'ipv6')

/**
 * Whether anybody on the public network could reach the IP address as well: it is none of this machine, of its networks or
 * of the cloud around it.
 */
export function isPublicAddress(address: string): boolean {
  if (isOwnAddress(address)) return false
  if (isIPv4(address)) return !specialIpv4.check(address, 'ipv4')
  return globalIpv6.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6')
}

/** A firewall lets this machine reach more of itself than it lets others. */
function isOwnAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((each) => each?.some((own) => own.address === address))
}
