import { createHash } from 'node:crypto'
import { isStoreError } from '../core/errors.ts'
import type { BlobKey, BlobStore } from '../core/ports/blob-store.ts'
import type { MetadataStore, ReferencedBlob } from '../core/ports/metadata-store.ts'
import { type DamagedFile, eachOf, isReferenced, referencedBlobs } from '../core/upkeep/referenced-blobs.ts'

/** What a pass over all files found, and what was copied so far, by this pass and those before it. */
export interface BlobPass {
  readonly copied: number
  readonly copiedBytes: number
  /** Blobs that had been there already. */
  readonly present: number
  readonly presentBytes: number
  readonly damaged: readonly DamagedFile[]
}

export interface CopiedStores {
  readonly metadata: MetadataStore
  readonly from: BlobStore
  readonly to: BlobStore
}

class WrongDigest extends Error {}

/**
 * Copies the bytes of all files, under the same keys, from one blob store to another that belongs to the same installation
 * and that nobody else writes to. Every blob is compared with its SHA-256 while it is written, so blobs at the target are
 * neither copied nor compared again, and an interrupted copy goes on where it was. Files may come and go meanwhile; a pass
 * finds those that were there when it began.
 */
export class BlobCopier {
  readonly #stores: CopiedStores
  /** The size of each blob at the target; undefined where an interrupted copy left something that holds the key. */
  readonly #there = new Map<BlobKey, number | undefined>()
  /** Blobs at the target that no file pointed at when the last pass met it. */
  #strangers: ReadonlySet<BlobKey> = new Set()
  #copied = 0
  #copiedBytes = 0

  private constructor(stores: CopiedStores) {
    this.#stores = stores
  }

  static async start(stores: CopiedStores): Promise<BlobCopier> {
    const copier = new BlobCopier(stores)
    for await (const { key, sizeBytes, published } of stores.to.list())
      copier.#there.set(key, published ? sizeBytes : copier.#there.get(key))
    return copier
  }

  /** What a pass would copy now. */
  async missingBytes(): Promise<number> {
    let bytes = 0
    for await (const { key, sizeBytes } of referencedBlobs(this.#stores.metadata))
      if (this.#there.get(key) !== sizeBytes) bytes += sizeBytes
    return bytes
  }

  /**
   * @param onBytes hears of bytes as they come
   * @throws StoreError if a store fails; another pass goes on from there
   */
  async pass(onBytes: (bytes: number) => void): Promise<BlobPass> {
    const strangers = new Set(this.#there.keys())
    const damaged: DamagedFile[] = []
    let [present, presentBytes] = [0, 0]
    await eachOf(referencedBlobs(this.#stores.metadata), async (blob) => {
      const { key, fileId, sizeBytes } = blob
      strangers.delete(key)
      const outcome = this.#there.get(key) === sizeBytes ? 'present' : await this.#copy(blob, onBytes)
      if (outcome === 'present') {
        present++
        presentBytes += sizeBytes
      } else if (outcome === 'copied') {
        this.#copied++
        this.#copiedBytes += sizeBytes
      } else if (outcome !== 'gone') damaged.push({ fileId, blobKey: key, reason: outcome })
    })
    this.#strangers = strangers
    return { copied: this.#copied, copiedBytes: this.#copiedBytes, present, presentBytes, damaged }
  }

  /** Removes what the last pass found at the target and no row knows of; only where no row can come any more. */
  async removeStrangers(): Promise<void> {
    const { metadata, to } = this.#stores
    for (const key of this.#strangers) if (!(await metadata.knowsBlob(key))) await to.delete(key)
  }

  async #copy(
    blob: ReferencedBlob,
    onBytes: (bytes: number) => void,
  ): Promise<'copied' | 'gone' | 'bytes missing' | 'bytes differ from their SHA-256'> {
    const { metadata, from, to } = this.#stores
    const { key, sizeBytes } = blob
    if (this.#there.has(key)) await to.delete(key)
    try {
      const size = { atLeast: sizeBytes, atMost: sizeBytes }
      await to.put(key, verified(await from.open(key), blob, onBytes), { size })
      this.#there.set(key, sizeBytes)
      return 'copied'
    } catch (error) {
      if (!isStoreError(error, 'missing') && !(error instanceof WrongDigest)) throw error
      if (!(await isReferenced(metadata, blob))) return 'gone'
      return error instanceof WrongDigest ? 'bytes differ from their SHA-256' : 'bytes missing'
    }
  }
}

/** Fails at the end if the bytes are not those of the row, so that nothing is stored. */
async function* verified(
  body: AsyncIterable<Uint8Array>,
  { sha256 }: ReferencedBlob,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  for await (const chunk of body) {
    hash.update(chunk)
    onBytes(chunk.length)
    yield chunk
  }
  if (hash.digest('hex') !== sha256) throw new WrongDigest()
}
