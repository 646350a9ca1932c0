import { peerOf } from './peer-of.ts'

/** Peers whose score is zero again are forgotten whenever so many are known. */
const SWEEP_AT = 10_000

/** A number for each peer, which grows by what it does and goes down by so much a second. Times are milliseconds. */
export class PeerScores {
  readonly #fallsBy: number
  readonly #scores = new Map<string, { score: number; atMs: number }>()

  constructor(fallsByPerSecond: number) {
    this.#fallsBy = fallsByPerSecond
  }

  get(address: string, nowMs = performance.now()): number {
    return this.#now(this.#scores.get(peerOf(address)), nowMs)
  }

  add(address: string, amount = 1, nowMs = performance.now()): void {
    const peer = peerOf(address)
    const score = this.#now(this.#scores.get(peer), nowMs) + amount
    this.#scores.set(peer, { score, atMs: nowMs })
    if (this.#scores.size > SWEEP_AT) this.#sweep(nowMs)
  }

  #now(entry: { score: number; atMs: number } | undefined, nowMs: number): number {
    if (entry === undefined) return 0
    return Math.max(0, entry.score - (this.#fallsBy * (nowMs - entry.atMs)) / 1000)
  }

  #sweep(nowMs: number): void {
    for (const [peer, entry] of this.#scores) if (this.#now(entry, nowMs) === 0) this.#scores.delete(peer)
  }
}
