/** The chunks of a body for a parser, which takes of each as much as it needs. */
export class ChunkSource {
  readonly #source: AsyncIterator<Uint8Array>
  #ended = false
  #isPulling = false
  #window: Buffer = Buffer.alloc(0)

  /** Nothing is read before the first call. */
  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Bytes that are not taken yet. */
  get window(): Buffer {
    return this.#window
  }

  take(sizeBytes: number): Buffer {
    const taken = this.#window.subarray(0, sizeBytes)
    this.#window = this.#window.subarray(sizeBytes)
    return taken
  }

  /** Waits until the window has a byte; false at the end of the body. One call at a time. */
  async fill(): Promise<boolean> {
    while (this.#window.length === 0 && !this.#ended) {
      this.#isPulling = true
      try {
        const { done, value } = await this.#source.next()
        if (done) this.#ended = true
        else this.#window = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      } catch (error) {
        this.#ended = true
        throw error
      } finally {
        this.#isPulling = false
      }
    }
    return this.#window.length > 0
  }

  /** Closes the source. Never throws. */
  async close(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    try {
      const closed = this.#source.return?.()
      // A generator that waits for its next chunk closes only after that, perhaps never.
      if (this.#isPulling) closed?.catch(() => undefined)
      else await closed
    } catch {
      // A failure to clean up must not replace the outcome.
    }
  }
}
