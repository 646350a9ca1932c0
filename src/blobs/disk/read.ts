import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { StoreError } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ports/blob-store.ts'
import { onDisk } from './errors.ts'

/** Above what sockets hold back (64 KiB), so that a pipe waits for each chunk but the last to be gone. */
const CHUNK_BYTES = 512 * 1024
/** One with the reader, one ahead, one being read. */
const BUFFERS = 3

/**
 * Streams a range of a file and closes it. Few buffers take turns: new ones for each chunk would lie about until V8 finds
 * them worth collecting, some 64 MiB of them.
 */
export class FileBytes extends Readable {
  readonly #file: FileHandle
  readonly #end: number
  #position: number
  readonly #buffers: Uint8Array[] = []
  #chunks = 0

  /** @param range none for an empty file */
  constructor(file: FileHandle, range: ByteRange | undefined) {
    super({ highWaterMark: CHUNK_BYTES })
    this.#file = file
    this.#position = range?.first ?? 0
    this.#end = range ? range.last + 1 : 0
  }

  override _read(): void {
    if (this.#position === this.#end) {
      this.push(null)
      return
    }
    this.#readChunk().then(
      (chunk) => this.destroyed || this.push(chunk),
      (error) => this.destroy(error),
    )
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // It waits for a read under way. Of a file that was only read, a failure to close it takes nothing from the reader.
    const end = () => done(error)
    this.#file.close().then(end, end)
  }

  /** Whole, but for the last: a short one might still be on its way when its buffer's turn comes again. */
  async #readChunk(): Promise<Uint8Array> {
    const chunk = this.#nextBuffer().subarray(0, this.#end - this.#position)
    let done = 0
    while (done < chunk.byteLength) {
      const reading = this.#file.read(chunk, done, chunk.byteLength - done, this.#position + done)
      const { bytesRead } = await onDisk('read the blob', reading)
      if (bytesRead === 0) throw new StoreError('missing', 'the blob has become too short')
      done += bytesRead
    }
    this.#position += done
    return chunk
  }

  #nextBuffer(): Uint8Array {
    const turn = this.#chunks++ % BUFFERS
    let buffer = this.#buffers[turn]
    if (buffer === undefined) {
      buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, this.#end - this.#position))
      this.#buffers[turn] = buffer
    }
    return buffer
  }
}
