/** Peers whose score is zero again are forgotten whenever so many are known. */
const SWEEP_AT = 10_000
const IPV6_NETWORK_GROUPS = 4

/** A number for each peer, which grows by what it does and falls by so much a second. Times are milliseconds. */
export class PeerScores {
  readonly #fallsBy: number
  readonly #scores = new Map<string, { readonly score: number; readonly atMs: number }>()

  constructor(fallsByPerSecond: number) {
    this.#fallsBy = fallsByPerSecond
  }

  get(address: string, nowMs = performance.now()): number {
    return this.#scoreOf(peerOf(address), nowMs)
  }

  add(address: string, amount = 1, nowMs = performance.now()): void {
    const peer = peerOf(address)
    this.#scores.set(peer, { score: this.#scoreOf(peer, nowMs) + amount, atMs: nowMs })
    if (this.#scores.size <= SWEEP_AT) return
    for (const known of this.#scores.keys()) {
      if (this.#scoreOf(known, nowMs) === 0) this.#scores.delete(known)
    }
  }

  #scoreOf(peer: string, nowMs: number): number {
    const { score, atMs } = this.#scores.get(peer) ?? { score: 0, atMs: nowMs }
    return Math.max(0, score - (this.#fallsBy * (nowMs - atMs)) / 1000)
  }
}

/**
 * Who is behind an address as Node writes it: an IPv4 address, or the /64 network of an IPv6 one, of which each customer has
 * a whole.
 */
function peerOf(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? []
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  // `::` stands for as many zeros as are missing.
  const [before = '', after] = address.split('::')
  const groups = before === '' ? [] : before.split(':')
  if (after !== undefined) while (groups.length < IPV6_NETWORK_GROUPS) groups.push('0')
  return groups.slice(0, IPV6_NETWORK_GROUPS).join(':')
}
