import { createHash } from 'node:crypto'
import { isStoreError } from '../core/errors.ts'
import type { FileId } from '../core/file-id.ts'
import type { BlobKey, BlobStore } from '../core/ports/blob-store.ts'
import type { MetadataStore, ReferencedBlob } from '../core/ports/metadata-store.ts'
import { eachReferencedBlob, isReferenced } from '../core/upkeep/referenced-blobs.ts'

export interface UncopiedFile {
  readonly fileId: FileId
  readonly blobKey: BlobKey
  readonly reason: 'bytes missing' | 'bytes differ from their SHA-256'
}

/** What one pass over all files did. */
export interface BlobPass {
  readonly copied: number
  readonly copiedBytes: number
  /** Of files whose bytes had been there already. */
  readonly present: number
  readonly damaged: readonly UncopiedFile[]
  /** Blobs at the target, or what is left of them, that no file points at. */
  readonly strangers: readonly BlobKey[]
}

class WrongDigest extends Error {}

/**
 * Copies the bytes of all files, under the same keys, from one blob store to another that belongs to the same installation
 * and that nobody else writes to. Whatever is at the target was compared with its SHA-256 while it was written, so that it
 * need not be copied or compared again: a copy that was interrupted goes on where it was. Files may come and go meanwhile;
 * a pass finds those that were there when it began.
 */
export class BlobCopier {
  readonly #metadata: MetadataStore
  readonly #from: BlobStore
  readonly #to: BlobStore
  /** The size of each blob at the target. */
  readonly #there: Map<BlobKey, number>
  /** What an interrupted copy left, and holds the key. */
  readonly #leftovers: Set<BlobKey>

  private constructor(
    stores: { readonly metadata: MetadataStore; readonly from: BlobStore; readonly to: BlobStore },
    there: Map<BlobKey, number>,
    leftovers: Set<BlobKey>,
  ) {
    this.#metadata = stores.metadata
    this.#from = stores.from
    this.#to = stores.to
    this.#there = there
    this.#leftovers = leftovers
  }

  static async start(stores: {
    readonly metadata: MetadataStore
    readonly from: BlobStore
    readonly to: BlobStore
  }): Promise<BlobCopier> {
    const there = new Map<BlobKey, number>()
    const leftovers = new Set<BlobKey>()
    for await (const { key, sizeBytes, published } of stores.to.list()) {
      if (published) there.set(key, sizeBytes)
      else leftovers.add(key)
    }
    return new BlobCopier(stores, there, leftovers)
  }

  /** `onCopied` hears of each blob. @throws StoreError if a store fails; another pass goes on from there */
  async pass(onCopied: (sizeBytes: number) => void = () => undefined): Promise<BlobPass> {
    const strangers = new Set(this.#there.keys())
    const damaged: UncopiedFile[] = []
    let [copied, copiedBytes, present] = [0, 0, 0]
    const take = async (blob: ReferencedBlob) => {
      strangers.delete(blob.key)
      if (this.#there.get(blob.key) === blob.sizeBytes) {
        present++
        return
      }
      const outcome = await this.#copy(blob)
      if (outcome === 'gone') return
      if (outcome !== 'copied') {
        damaged.push({ fileId: blob.fileId, blobKey: blob.key, reason: outcome })
        return
      }
      copied++
      copiedBytes += blob.sizeBytes
      onCopied(blob.sizeBytes)
    }
    await eachReferencedBlob(this.#metadata, take)
    return { copied, copiedBytes, present, damaged, strangers: [...strangers, ...this.#leftovers] }
  }

  /** Removes those that no row knows of; only where no row can come any more. */
  async removeStrangers(strangers: readonly BlobKey[]): Promise<void> {
    for (const key of strangers) {
      if (await this.#metadata.knowsBlob(key)) continue
      await this.#to.delete(key)
      this.#there.delete(key)
    }
  }

  async #copy(blob: ReferencedBlob): Promise<'copied' | 'gone' | UncopiedFile['reason']> {
    const { key, sizeBytes } = blob
    if (this.#there.has(key) || this.#leftovers.delete(key)) await this.#to.delete(key)
    try {
      const size = { atLeast: sizeBytes, atMost: sizeBytes }
      await this.#to.put(key, verified(await this.#from.open(key), blob), { size })
      this.#there.set(key, sizeBytes)
      return 'copied'
    } catch (error) {
      if (!isStoreError(error, 'missing') && !(error instanceof WrongDigest)) throw error
      if (!(await isReferenced(this.#metadata, blob))) return 'gone'
      return error instanceof WrongDigest ? 'bytes differ from their SHA-256' : 'bytes missing'
    }
  }
}

/** Fails at the end if the bytes are not those of the row, so that nothing is stored. */
async function* verified(
  body: AsyncIterable<Uint8Array>,
  { sha256 }: ReferencedBlob,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  for await (const chunk of body) {
    hash.update(chunk)
    yield chunk
  }
  if (hash.digest('hex') !== sha256) throw new WrongDigest()
}
