/** Lets bytes pass and keeps a copy of the first ones, for whoever wants to know what they are. */
export class HeadCapture implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>
  readonly #head: Buffer
  #length = 0

  constructor(source: AsyncIterable<Uint8Array>, maxBytes: number) {
    this.#source = source
    this.#head = Buffer.allocUnsafe(maxBytes)
  }

  /** What has passed so far, at most `maxBytes` of it. */
  get head(): Uint8Array {
    return this.#head.subarray(0, this.#length)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of this.#source) {
      const wanted = chunk.subarray(0, this.#head.length - this.#length)
      this.#head.set(wanted, this.#length)
      this.#length += wanted.length
      yield chunk
    }
  }
}
