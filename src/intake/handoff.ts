/** A queue between one giver and one taker, which may wait for the next item. */
export class Handoff<T> {
  readonly #items: T[] = []
  #over = false
  #error: unknown
  #waiting: PromiseWithResolvers<T | undefined> | undefined

  /** True while the taker waits. */
  get wanted(): boolean {
    return this.#waiting !== undefined
  }

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  put(item: T): void {
    if (this.#over) return
    if (this.#waiting) this.#settle().resolve(item)
    else this.#items.push(item)
  }

  /** Nothing more will come; what is queued can still be taken. */
  end(): void {
    this.#over = true
    if (this.#waiting) this.#settle().resolve(undefined)
  }

  /** Ends, and gives what nobody took. */
  drain(): T[] {
    this.end()
    return this.#items.splice(0)
  }

  /** Every further `take` throws, whatever is queued. The first end or failure counts. */
  fail(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#error = error
    this.#items.length = 0
    if (this.#waiting) this.#settle().reject(error)
  }

  /** The oldest item, or undefined after the end. One call at a time. */
  take(): Promise<T | undefined> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (this.#items.length > 0 || this.#over) return Promise.resolve(this.#items.shift())
    this.#waiting = Promise.withResolvers()
    return this.#waiting.promise
  }

  #settle(): PromiseWithResolvers<T | undefined> {
    const waiting = this.#waiting ?? Promise.withResolvers<T | undefined>()
    this.#waiting = undefined
    return waiting
  }
}
