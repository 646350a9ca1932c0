const WINDOW_MS = 5000
/** From less nothing can be told. */
const LEAST_MS = 500

/** How fast something grows, by what it was in the last seconds. Times are milliseconds of one even clock. */
export class Rate {
  #samples: { readonly at: number; readonly bytes: number }[] = []

  get isEmpty(): boolean {
    return this.#samples.length === 0
  }

  /** Forgets what was: after a pause, or where it begins elsewhere. */
  reset(): void {
    this.#samples = []
  }

  note(bytes: number, at: number): void {
    const last = this.#samples.at(-1)
    // Many small steps are one.
    if (last !== undefined && at - last.at < LEAST_MS / 4 && this.#samples.length > 1) this.#samples.pop()
    this.#samples.push({ at, bytes })
    while ((this.#samples[1]?.at ?? at) < at - WINDOW_MS) this.#samples.shift()
  }

  perSecond(now: number): number | undefined {
    const [first] = this.#samples
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || now - first.at < LEAST_MS) return undefined
    // Where nothing comes any more, it becomes slower.
    return ((last.bytes - first.bytes) / (now - first.at)) * 1000
  }
}
