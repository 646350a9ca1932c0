import type { MemoryBudget } from './memory-budget.ts'
import { untilAborted } from './until-aborted.ts'

/** Bytes of a body in memory of our own, one after another. */
export interface Slab {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly last: boolean
  /** Its memory may be used again. */
  release(): void
}

const FIRST_BYTES = 64 * 1024
/** One that fills and one that is sent. */
const MAX_BUFFERS = 2

/**
 * Cuts a body into slabs of equal size, the last one excepted; an empty body is one empty slab. Holds two slabs at most: if
 * both are out, or the budget gives no second one, it waits for a release. To be disposed of in any case.
 */
export class Slabs implements Disposable {
  readonly #body: AsyncIterable<Uint8Array>
  readonly #slabBytes: number
  readonly #maxBytes: number
  readonly #budget: MemoryBudget
  readonly #signal: AbortSignal | undefined
  readonly #idle: Buffer<ArrayBuffer>[] = []
  #buffers = 0
  #released = Promise.withResolvers<void>()

  constructor(
    body: AsyncIterable<Uint8Array>,
    options: {
      readonly slabBytes: number
      readonly budget: MemoryBudget
      /** At most this many bytes will come; undefined: not known. */
      readonly maxBytes: number | undefined
      readonly signal: AbortSignal | undefined
    },
  ) {
    this.#body = body
    this.#slabBytes = options.slabBytes
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY
    this.#budget = options.budget
    this.#signal = options.signal
  }

  /** @throws StoreError `aborted`, `unavailable` if there is no memory in time; and what the body throws */
  async *cut(): AsyncGenerator<Slab> {
    let buffer = await this.#acquire()
    let used = 0
    for await (const chunk of untilAborted(this.#body, this.#signal)) {
      for (let done = 0; done < chunk.byteLength; ) {
        if (used === this.#slabBytes) {
          yield this.#slabOf(buffer, used, false)
          buffer = await this.#acquire()
          used = 0
        }
        if (used === buffer.byteLength) buffer = this.#grown(buffer)
        const taken = chunk.subarray(done, done + buffer.byteLength - used)
        buffer.set(taken, used)
        used += taken.byteLength
        done += taken.byteLength
      }
    }
    yield this.#slabOf(buffer, used, true)
  }

  [Symbol.dispose](): void {
    this.#budget.give(this.#buffers * this.#reservedBytes)
    this.#buffers = 0
  }

  /** What one buffer may become. */
  get #reservedBytes(): number {
    return Math.min(this.#slabBytes, Math.max(this.#maxBytes, 1))
  }

  async #acquire(): Promise<Buffer<ArrayBuffer>> {
    if (this.#buffers === 0) {
      await this.#budget.take(this.#reservedBytes, this.#signal)
      return this.#newBuffer()
    }
    for (;;) {
      const idle = this.#idle.pop()
      if (idle) return idle
      if (this.#buffers < MAX_BUFFERS && this.#budget.tryTake(this.#reservedBytes)) return this.#newBuffer()
      await this.#released.promise
    }
  }

  #newBuffer(): Buffer<ArrayBuffer> {
    this.#buffers++
    const known = this.#maxBytes < Number.POSITIVE_INFINITY
    return Buffer.allocUnsafeSlow(known ? this.#reservedBytes : Math.min(FIRST_BYTES, this.#slabBytes))
  }

  #grown(buffer: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#slabBytes, buffer.byteLength * 2))
    larger.set(buffer)
    return larger
  }

  #slabOf(buffer: Buffer<ArrayBuffer>, used: number, last: boolean): Slab {
    const release = () => {
      this.#idle.push(buffer)
      this.#released.resolve()
      this.#released = Promise.withResolvers()
    }
    return { bytes: buffer.subarray(0, used), last, release }
  }
}
