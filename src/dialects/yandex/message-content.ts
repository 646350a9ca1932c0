import { ServiceError } from '../../core/errors.ts'
import type { Holding } from '../../core/limits/fair-budget.ts'
import { ChunkSource } from '../../intake/chunk-source.ts'

const CONTENT_FIELD = 5
/** Of all other fields together: what they may hold by the limits of each takes less. */
const MAX_REST_BYTES = 1024 * 1024
/** Labels and the few others. Each costs time, however small it is. */
const MAX_FIELDS = 1000
/** Each is stored before it is known whether it counts. */
const MAX_CONTENTS = 4
const MAX_VARINT_BYTES = 10
/** Of a varint whose value somebody asks for: tags and lengths have 32 bits. */
const MAX_VALUE_BYTES = 5
const [VARINT, FIXED_64, LENGTH_DELIMITED, START_GROUP, END_GROUP, FIXED_32] = [0, 1, 2, 3, 4, 5]

/** Consumes all bytes of a content; `before` are the fields that stand before it, serialized. */
export type OnContent = (
  content: AsyncIterable<Uint8Array>,
  lengthBytes: number,
  before: Uint8Array,
) => Promise<void>

/**
 * Reads a serialized `CreateFileRequest` as it comes and hands its content over, which is thus never whole in memory. The
 * last of several contents counts, so `onContent` may be called again.
 * @returns the request without content, serialized, at most 1 MiB; it may still be no message
 * @throws ServiceError `request-malformed`, `storage-unavailable` if there is no memory for that; what the source or `onContent` throws
 */
export async function readMessageWithContent(
  source: AsyncIterable<Uint8Array>,
  memory: Holding,
  onContent: OnContent,
): Promise<Uint8Array> {
  const chunks = new ChunkSource(source)
  try {
    return await new MessageReader(chunks, memory, onContent).read()
  } finally {
    await chunks.close()
  }
}

/** Knows of the wire format (protobuf.dev, "Encoding") where fields end, and nothing of what they mean. */
class MessageReader {
  readonly #chunks: ChunkSource
  readonly #memory: Holding
  readonly #onContent: OnContent
  readonly #rest: Uint8Array[] = []
  #restBytes = 0
  #contents = 0
  /** Within a group no field is one of the message. */
  #depth = 0

  constructor(chunks: ChunkSource, memory: Holding, onContent: OnContent) {
    this.#chunks = chunks
    this.#memory = memory
    this.#onContent = onContent
  }

  async read(): Promise<Uint8Array> {
    for (let fields = 0; await this.#chunks.fill(); fields++) {
      if (fields === MAX_FIELDS) throw malformed('has too many fields')
      await this.#readField()
    }
    return Buffer.concat(this.#rest)
  }

  async #readField(): Promise<void> {
    const tag = await this.#varint()
    const [field, type] = [tag.value >>> 3, tag.value & 7]
    if (type === LENGTH_DELIMITED) return this.#readDelimited(field, tag.bytes)
    this.#keep(tag.bytes)
    if (type === VARINT) this.#keep((await this.#varint()).bytes)
    else if (type === FIXED_64) await this.#copy(8)
    else if (type === FIXED_32) await this.#copy(4)
    else if (type === START_GROUP) this.#depth += 1
    else if (type === END_GROUP && this.#depth > 0) this.#depth -= 1
    else throw malformed('is not valid')
  }

  async #readDelimited(field: number, tag: Uint8Array): Promise<void> {
    const length = await this.#varint()
    if (field === CONTENT_FIELD && this.#depth === 0) {
      if (++this.#contents > MAX_CONTENTS) throw malformed('has too many fields')
      await this.#onContent(this.#content(length.value), length.value, Buffer.concat(this.#rest))
      return
    }
    this.#keep(tag)
    this.#keep(length.bytes)
    await this.#copy(length.value)
  }

  async *#content(lengthBytes: number): AsyncGenerator<Uint8Array, void> {
    for (let leftBytes = lengthBytes; leftBytes > 0; ) {
      const piece = await this.#take(leftBytes)
      leftBytes -= piece.byteLength
      yield piece
    }
  }

  async #copy(lengthBytes: number): Promise<void> {
    this.#count(lengthBytes)
    for (let leftBytes = lengthBytes; leftBytes > 0; ) {
      // A copy: the chunk may be large, and the piece small.
      const piece = Buffer.from(await this.#take(leftBytes))
      leftBytes -= piece.byteLength
      this.#add(piece)
    }
  }

  #keep(bytes: Uint8Array): void {
    this.#count(bytes.byteLength)
    this.#add(bytes)
  }

  #add(bytes: Uint8Array): void {
    this.#memory.grow(bytes.byteLength)
    this.#rest.push(bytes)
  }

  #count(bytes: number): void {
    this.#restBytes += bytes
    if (this.#restBytes > MAX_REST_BYTES) throw malformed('is too large beside its content')
  }

  async #varint(): Promise<{ readonly value: number; readonly bytes: Uint8Array }> {
    const bytes: number[] = []
    let value = 0
    while (bytes.length < MAX_VARINT_BYTES) {
      const byte = (await this.#take(1))[0] ?? 0
      if (bytes.length < MAX_VALUE_BYTES) value += (byte & 0x7f) * 2 ** (7 * bytes.length)
      bytes.push(byte)
      if (byte < 0x80) return { value, bytes: Uint8Array.from(bytes) }
    }
    throw malformed('is not valid')
  }

  /** What is at hand, at most so many bytes. */
  async #take(mostBytes: number): Promise<Uint8Array> {
    if (!(await this.#chunks.fill())) throw malformed('is not valid')
    return this.#chunks.take(Math.min(mostBytes, this.#chunks.window.length))
  }
}

function malformed(what: string): ServiceError {
  return new ServiceError('request-malformed', `The message ${what}.`)
}
