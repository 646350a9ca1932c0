/** Lets bytes pass and keeps a copy of the first ones, for whoever wants to know what they are. */
export class HeadCapture implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>
  readonly #maxBytes: number
  /** Grows with what comes: most files are smaller than `maxBytes`. */
  #kept = Buffer.alloc(0)
  #length = 0

  constructor(source: AsyncIterable<Uint8Array>, maxBytes: number) {
    this.#source = source
    this.#maxBytes = maxBytes
  }

  /** What has passed so far, at most `maxBytes` of it. */
  get head(): Uint8Array {
    return this.#kept.subarray(0, this.#length)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of this.#source) {
      if (this.#length < this.#maxBytes) this.#keep(chunk.subarray(0, this.#maxBytes - this.#length))
      yield chunk
    }
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (length > this.#kept.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(length, 2 * this.#kept.length)))
      this.#kept.copy(grown, 0, 0, this.#length)
      this.#kept = grown
    }
    this.#kept.set(bytes, this.#length)
    this.#length = length
  }
}
