import { Readable } from 'node:stream'
import { StoreError } from '../../core/errors.ts'
import type { BlobEntry, BlobKey, BlobStore, ByteRange } from '../../core/ports/blob-store.ts'

/** Blobs in memory, for tests. */
export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<BlobKey, Uint8Array>()
  /** Bytes received so far of the bodies that are coming in. */
  readonly #incoming = new Map<BlobKey, number>()
  #storeId: string | undefined

  async put(key: BlobKey, body: AsyncIterable<Uint8Array>): Promise<{ readonly sizeBytes: number }> {
    if (this.#blobs.has(key) || this.#incoming.has(key)) {
      throw new StoreError('refused', 'there is a blob of this key already')
    }
    const chunks: Uint8Array[] = []
    let sizeBytes = 0
    this.#incoming.set(key, 0)
    try {
      for await (const chunk of body) {
        chunks.push(Uint8Array.from(chunk))
        sizeBytes += chunk.byteLength
        this.#incoming.set(key, sizeBytes)
      }
      this.#blobs.set(key, Buffer.concat(chunks))
    } finally {
      this.#incoming.delete(key)
    }
    return { sizeBytes }
  }

  async open(key: BlobKey, range?: ByteRange): Promise<Readable> {
    const bytes = this.#blobs.get(key)
    if (bytes === undefined) throw new StoreError('missing', 'there is no blob of this key')
    if (range && range.last >= bytes.byteLength)
      throw new StoreError('missing', 'the blob is too short for this range')
    const wanted = range ? bytes.subarray(range.first, range.last + 1) : bytes
    return Readable.from(wanted.byteLength > 0 ? [wanted] : [], { objectMode: false })
  }

  async delete(key: BlobKey): Promise<void> {
    this.#blobs.delete(key)
  }

  async *list(): AsyncIterable<BlobEntry> {
    for (const [key, sizeBytes] of this.#incoming) yield { key, sizeBytes, published: false }
    for (const [key, bytes] of this.#blobs) yield { key, sizeBytes: bytes.byteLength, published: true }
  }

  async hasRoomFor(): Promise<boolean> {
    return true
  }

  async owner(): Promise<string | undefined> {
    return this.#storeId
  }

  async claim(storeId: string): Promise<string> {
    this.#storeId ??= storeId
    return this.#storeId
  }

  async check(): Promise<void> {}
}
