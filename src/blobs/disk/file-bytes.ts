import { Readable } from 'node:stream'
import type { DiskFile } from './disk.ts'

/** Larger than the buffer of a socket (64 KiB), so that a pipe waits until each chunk but the last is written. */
const CHUNK_BYTES = 512 * 1024
/** One with the reader, one ahead, one being read. */
const BUFFERS = 3

export interface FileBytesOptions {
  readonly first: number
  /** Behind the last byte. */
  readonly end: number
  /** Larger than 64 KiB. Default: 512 KiB. */
  readonly chunkBytes?: number
  /** Whether the end of the stream closes the file. Default: it does. */
  readonly closes?: boolean
}

/** Streams bytes of a file. Three buffers take turns: new ones would lie about, some 64 MiB of them, until V8 collects them. */
export class FileBytes extends Readable {
  readonly #file: DiskFile
  readonly #options: Required<FileBytesOptions>
  readonly #buffers: Uint8Array[] = []
  #position: number
  #chunks = 0

  constructor(file: DiskFile, { chunkBytes = CHUNK_BYTES, closes = true, ...range }: FileBytesOptions) {
    super({ highWaterMark: chunkBytes })
    this.#file = file
    this.#options = { chunkBytes, closes, ...range }
    this.#position = range.first
  }

  override _read(): void {
    const chunk = this.#nextChunk()
    if (chunk.byteLength === 0) return void this.push(null)
    const position = this.#position
    this.#position += chunk.byteLength
    // Whole chunks only: a pipe would not wait for a short one before its buffer's turn comes again.
    this.#file.readInto(chunk, position).then(
      () => this.destroyed || this.push(chunk),
      (error) => this.destroy(error),
    )
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // The reader loses nothing if a file that was only read cannot be closed.
    const end = () => done(error)
    if (this.#options.closes) this.#file.close().then(end, end)
    else end()
  }

  #nextChunk(): Uint8Array {
    const { end, chunkBytes } = this.#options
    const leftBytes = end - this.#position
    const turn = this.#chunks++ % BUFFERS
    this.#buffers[turn] ??= Buffer.allocUnsafeSlow(Math.min(chunkBytes, leftBytes))
    return this.#buffers[turn].subarray(0, leftBytes)
  }
}
