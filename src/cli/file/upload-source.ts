import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { FileSource } from 'tus-js-client'
import { Failure, systemFailure } from '../failure.ts'

const READ_BYTES = 256 * 1024
/** Of what has no known length: kept in memory until the server has it. The server takes 10,000 parts. */
export const PART_BYTES = 8 * 1024 * 1024

/** Told of where reading goes on, and of what was read. */
export interface Reading {
  /** What comes next is read from here, in bytes; the server has all before it. */
  from(offset: number): void
  /** What the server has is read again, for the digest of the whole. */
  again(): void
  read(bytes: number): void
}

/** Bytes to upload, from any offset, and the SHA-256 of all that was read. */
export interface UploadSource extends FileSource {
  /** Lower-case hex. */
  sha256(): string
}

type Body = Readable & { size: number }

/** The digest of bytes that may be read more than once, but leave no gap. */
class RunningDigest {
  readonly #hash = createHash('sha256')
  #end = 0

  get end(): number {
    return this.#end
  }

  add(offset: number, bytes: Uint8Array): void {
    const fresh = bytes.subarray(this.#end - offset)
    this.#hash.update(fresh)
    this.#end += fresh.byteLength
  }

  hex(): string {
    return this.#hash.copy().digest('hex')
  }
}

/** A file on the disk: read as it is sent, so that memory does not grow with it. */
export class StoredSource implements UploadSource {
  readonly size: number
  readonly #path: string
  readonly #file: FileHandle
  readonly #reading: Reading
  readonly #digest = new RunningDigest()

  private constructor(path: string, file: FileHandle, sizeBytes: number, reading: Reading) {
    this.size = sizeBytes
    this.#path = path
    this.#file = file
    this.#reading = reading
  }

  static async open(path: string, sizeBytes: number, reading: Reading): Promise<StoredSource> {
    const file = await open(path).catch((error) => {
      throw systemFailure(path, error)
    })
    return new StoredSource(path, file, sizeBytes, reading)
  }

  async slice(start: number, end: number): Promise<{ value: Body; done: boolean }> {
    if (this.#digest.end < start) {
      this.#reading.again()
      for await (const _ of this.#read(this.#digest.end, start));
    }
    this.#reading.from(start)
    const bytes = Readable.from(this.#counted(start, end), { objectMode: false, highWaterMark: READ_BYTES })
    return { value: Object.assign(bytes, { size: end - start }), done: end >= this.size }
  }

  async *#counted(start: number, end: number): AsyncGenerator<Uint8Array> {
    for await (const bytes of this.#read(start, end)) {
      yield bytes
      this.#reading.read(bytes.byteLength)
    }
  }

  async *#read(start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let offset = start; offset < end; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - offset))
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.byteLength, offset).catch((error) => {
        throw systemFailure(this.#path, error)
      })
      if (bytesRead === 0) throw new Failure(`${this.#path} became shorter while it was uploaded.`)
      const bytes = buffer.subarray(0, bytesRead)
      this.#digest.add(offset, bytes)
      offset += bytesRead
      yield bytes
    }
  }

  sha256(): string {
    return this.#digest.hex()
  }

  close(): void {
    this.#file.close().catch(() => undefined)
  }
}

/** What can be read once: the last part is kept until the next one is asked for. */
export class StreamedSource implements UploadSource {
  /** Unknown. */
  readonly size = null as unknown as number
  readonly #parts: AsyncIterator<Buffer>
  readonly #reading: Reading
  readonly #digest = new RunningDigest()
  #part: Buffer = Buffer.alloc(0)
  #offset = 0
  #next: Promise<IteratorResult<Buffer>> | undefined

  constructor(input: AsyncIterable<Uint8Array>, reading: Reading) {
    this.#parts = partsOf(input)
    this.#reading = reading
  }

  async slice(start: number): Promise<{ value: Body | null; done: boolean }> {
    if (start < this.#offset)
      throw new Failure('What was sent is lost on the server, and cannot be read again.')
    if (start >= this.#offset + this.#part.byteLength) await this.#advance()
    const rest = this.#part.subarray(start - this.#offset)
    // Whether this is the last part shows when the next is asked for.
    this.#next ??= this.#parts.next()
    const { done = false } = await this.#next
    this.#reading.from(start)
    if (rest.byteLength === 0) return { value: null, done }
    const bytes = Readable.from(this.#counted(rest), { objectMode: false, highWaterMark: READ_BYTES })
    return { value: Object.assign(bytes, { size: rest.byteLength }), done }
  }

  async #advance(): Promise<void> {
    const { value, done } = await (this.#next ?? this.#parts.next())
    if (done) return
    this.#offset += this.#part.byteLength
    this.#part = value
    this.#next = undefined
    this.#digest.add(this.#offset, value)
  }

  *#counted(part: Buffer): Generator<Uint8Array> {
    for (let at = 0; at < part.byteLength; at += READ_BYTES) {
      const bytes = part.subarray(at, at + READ_BYTES)
      yield bytes
      this.#reading.read(bytes.byteLength)
    }
  }

  sha256(): string {
    return this.#digest.hex()
  }

  close(): void {
    this.#parts.return?.()
  }
}

/** Parts of one size, but for the last. */
async function* partsOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of input) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes < PART_BYTES) continue
    yield Buffer.concat(chunks)
    chunks = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(chunks)
}
