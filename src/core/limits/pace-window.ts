/** A window that ends so late says that the process stood still. A busy process is late, too, by less. */
const LATE_SHARE = 0.2
const LATE_MS = 250

/**
 * Tells windows in which this process stood still from others. Whoever is frozen for a while cannot hear its peers, and must
 * not take them for silent.
 */
export class PaceWindow {
  readonly #longestMs: number
  #since = performance.now()

  constructor(lengthMs: number) {
    this.#longestMs = lengthMs + Math.max(LATE_MS, lengthMs * LATE_SHARE)
  }

  /** Ends this window and begins the next. @returns whether it says something about the pace of the peer */
  end(): boolean {
    const now = performance.now()
    const elapsedMs = now - this.#since
    this.#since = now
    return elapsedMs <= this.#longestMs
  }
}
