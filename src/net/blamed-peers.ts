import { type BlockList, isIPv6 } from 'node:net'
import { PeerScores } from './peer-scores.ts'

/** New connections of a blamed peer, and as many at once: honest clients behind the same address get their share of them. */
const STARTS_PER_SECOND = 10
/** No peer stays blamed for longer once it has stopped. */
const FORGIVEN_AFTER_SECONDS = 10

export interface BlameLimits {
  /** What a peer may do at once, on all its connections together. */
  readonly burst: number
  /** And again and again. */
  readonly perSecond: number
  /** Never blamed: behind them many are one peer. */
  readonly proxies: BlockList
}

/**
 * Peers whose connections had to be ended for their abuse, or ended just before that. Most new connections of a blamed peer
 * are refused: unlike one that waits, a refused connection costs nothing.
 */
export class BlamedPeers {
  readonly #limits: BlameLimits
  readonly #abuse: PeerScores
  readonly #started = new PeerScores(STARTS_PER_SECOND)

  constructor(limits: BlameLimits) {
    this.#limits = limits
    this.#abuse = new PeerScores(limits.perSecond)
  }

  /** @param times how often the peer did what is minded, above what it may */
  blame(address: string, times: number, nowMs = performance.now()): void {
    const { burst, perSecond, proxies } = this.#limits
    if (proxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) return
    const most = burst + perSecond * FORGIVEN_AFTER_SECONDS
    this.#abuse.add(address, Math.min(times, most - this.#abuse.get(address, nowMs)), nowMs)
  }

  /** Whether a new connection of this peer is to be served. */
  admits(address: string, nowMs = performance.now()): boolean {
    if (this.#abuse.get(address, nowMs) <= this.#limits.burst) return true
    if (this.#started.get(address, nowMs) > STARTS_PER_SECOND - 1) return false
    this.#started.add(address, 1, nowMs)
    return true
  }
}
