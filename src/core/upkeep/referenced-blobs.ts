import type { FileId } from '../file-id.ts'
import type { BlobKey } from '../ports/blob-store.ts'
import type { MetadataStore, ReferencedBlob } from '../ports/metadata-store.ts'

const PAGE = 500
const AT_ONCE = 8

/** A file whose bytes are not as its row tells. */
export interface DamagedFile {
  readonly fileId: FileId
  readonly blobKey: BlobKey
  readonly reason: string
}

/**
 * Works on the blobs that files point at, eight at once; the first failure ends all. Files may come and go meanwhile: each
 * that is there from the beginning to the end is met once. Memory holds one page of rows.
 */
export async function eachReferencedBlob(
  metadata: MetadataStore,
  work: (blob: ReferencedBlob) => Promise<void>,
): Promise<void> {
  const blobs = referencedBlobs(metadata)
  // The hands share one generator; a loop that fails ends it, and so leaves nothing to the others.
  const hand = async () => {
    for await (const blob of blobs) await work(blob)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, hand))
}

/** In the order of their keys. */
export async function* referencedBlobs(metadata: MetadataStore): AsyncGenerator<ReferencedBlob, void> {
  let page: readonly ReferencedBlob[] = []
  do {
    page = await metadata.listReferencedBlobs(page.at(-1)?.key, PAGE)
    yield* page
  } while (page.length === PAGE)
}

/** Whether the file still points at the blob: one that has ended meanwhile may have lost its bytes. */
export async function isReferenced(
  metadata: MetadataStore,
  { key, fileId }: ReferencedBlob,
): Promise<boolean> {
  return (await metadata.findFile(fileId))?.blobKey === key
}
