import type { ByteRange } from '../core/ports/blob-store.ts'

/** Office before 2007 wrote compound files (MS-CFB). */
const COMPOUND_SIGNATURE = Buffer.from('d0cf11e0a1b11ae1', 'hex')
const MAX_DIRECTORY_BYTES = 4096
const NONE = 0xffff_ffff

/** Passes bytes on and keeps a copy of those that show their type. */
export class HeadCapture implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>
  readonly #maxBytes: number
  /** Grows, because most files are smaller than `maxBytes`. */
  #kept = Buffer.alloc(0)
  #length = 0
  #directory: Uint8Array | undefined

  constructor(source: AsyncIterable<Uint8Array>, maxBytes: number) {
    this.#source = source
    this.#maxBytes = maxBytes
  }

  /** The first bytes so far, at most `maxBytes`. */
  get head(): Uint8Array {
    return this.#kept.subarray(0, this.#length)
  }

  /** The directory of a compound file as far as it has passed, in the head or behind it. */
  get directory(): Uint8Array | undefined {
    const range = this.#directory === undefined ? directoryOf(this.head) : undefined
    return range === undefined ? this.#directory : this.head.subarray(range.first, range.last + 1)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    let passed = 0
    let behind: ByteRange | undefined
    for await (const chunk of this.#source) {
      if (this.#length < this.#maxBytes) {
        this.#keep(chunk.subarray(0, this.#maxBytes - this.#length))
        behind = this.#behindHead()
      }
      if (behind !== undefined) this.#keepDirectory(behind, chunk, passed)
      passed += chunk.length
      yield chunk
    }
  }

  /** The place of a directory that the head will not hold. */
  #behindHead(): ByteRange | undefined {
    const range = directoryOf(this.head)
    return range !== undefined && range.last >= this.#maxBytes ? range : undefined
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

  #keepDirectory({ first, last }: ByteRange, chunk: Uint8Array, passed: number): void {
    const part = chunk.subarray(Math.max(0, first - passed), Math.max(0, last + 1 - passed))
    if (part.length > 0) this.#directory = Buffer.concat([this.#directory ?? Buffer.alloc(0), part])
  }
}

/** The place of a compound file's directory, as much of it as shows its type; undefined for other files. */
function directoryOf(head: Uint8Array): ByteRange | undefined {
  if (head.length < 52 || COMPOUND_SIGNATURE.compare(head, 0, COMPOUND_SIGNATURE.length) !== 0)
    return undefined
  const bytes = new DataView(head.buffer, head.byteOffset, head.length)
  const shift = bytes.getUint16(30, true)
  const sector = bytes.getUint32(48, true)
  if (shift < 7 || shift > 16 || sector === NONE) return undefined
  const first = (sector + 1) * 2 ** shift
  return { first, last: first + MAX_DIRECTORY_BYTES - 1 }
}
