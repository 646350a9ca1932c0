import { BlockList, isIPv6, type Server, type SocketAddress } from 'node:net'
import { PeerScores } from './peer-scores.ts'

/** Of one server's ports together. */
export interface ConnectionLimits {
  /** New connections of one peer, and as many at once; undefined: any number. */
  readonly perSecond: number | undefined
  /** Who is not counted: proxies, behind which many are one peer. */
  readonly spared: BlockList
}

/** RFC 1122, 3.2.1.3 and RFC 4291, 2.5.3. */
const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/**
 * Refuses the connections of a peer that opens too many, before anything is read or allocated for them. Machines on
 * loopback are not counted. A peer is an IPv4 address or an IPv6 network of 64 bits.
 */
export class ConnectionRate {
  readonly #perSecond: number
  readonly #spared: BlockList
  readonly #opened: PeerScores

  constructor({ perSecond = Number.POSITIVE_INFINITY, spared }: ConnectionLimits) {
    this.#perSecond = perSecond
    this.#spared = spared
    this.#opened = new PeerScores(perSecond)
  }

  /** Node asks a server's block list of each connection that it accepts (`net.Server`, option `blockList`). */
  limit(server: Server): void {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return
    const blockList = new BlockList()
    blockList.check = (address: string | SocketAddress) =>
      typeof address === 'string' && this.refuses(address)
    Object.assign(server, { blockList })
  }

  /** Counts a connection from this address. @returns whether it is one too many; it is not counted then */
  refuses(address: string, nowMs = performance.now()): boolean {
    if (isLoopbackAddress(address) || this.#spared.check(address, familyOf(address))) return false
    if (this.#opened.get(address, nowMs) > this.#perSecond - 1) return true
    this.#opened.add(address, 1, nowMs)
    return false
  }
}

/** As Node writes the address of a peer. */
export function isLoopbackAddress(address: string): boolean {
  return loopback.check(address, familyOf(address))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4'
}
