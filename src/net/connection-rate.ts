import { BlockList, isIPv6, type Server, type SocketAddress } from 'node:net'
import { PeerScores } from './peer-scores.ts'

/** Of one server's ports together. */
export interface ConnectionLimits {
  /** New connections of one peer, and as many at once; undefined: any number. */
  readonly perSecond: number | undefined
  /** Who is not counted: proxies, behind which many are one peer. */
  readonly spared: BlockList
}

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
    if (this.#perSecond < Number.POSITIVE_INFINITY) Object.assign(server, { blockList: new Refusals(this) })
  }

  /** Counts a connection from this address. @returns whether it is one too many; it is not counted then */
  refuses(address: string, nowMs = performance.now()): boolean {
    if (this.#isSpared(address)) return false
    if (this.#opened.get(address, nowMs) > this.#perSecond - 1) return true
    this.#opened.add(address, 1, nowMs)
    return false
  }

  #isSpared(address: string): boolean {
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    return loopback.check(address, family) || this.#spared.check(address, family)
  }
}

/** A list on which is whoever opens too many. */
class Refusals extends BlockList {
  readonly #rate: ConnectionRate

  constructor(rate: ConnectionRate) {
    super()
    this.#rate = rate
  }

  override check(address: string | SocketAddress): boolean {
    return typeof address === 'string' && this.#rate.refuses(address)
  }
}

/** RFC 1122, 3.2.1.3 and RFC 4291, 2.5.3. */
const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')
