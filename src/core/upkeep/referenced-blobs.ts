import type { FileId } from '../file-id.ts'
import type { BlobKey } from '../ports/blob-store.ts'
import type { MetadataStore, ReferencedBlob, SegmentedFile } from '../ports/metadata-store.ts'
import { segmentsAndParts } from './file-segments.ts'

const PAGE = 500
const AT_ONCE = 8

/** A file whose bytes are not as its row tells. */
export interface DamagedFile {
  readonly fileId: FileId
  /** The blob at fault; null: bytes that the database holds, or the file as a whole. */
  readonly blobKey: BlobKey | null
  readonly reason: string
}

/**
 * Works on items, eight at once; the first failure ends all. Where they are files, these may come and go meanwhile: each that
 * is there from the beginning to the end is met once. Memory holds one page of rows.
 */
export async function eachOf<T>(
  items: AsyncGenerator<T, void>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  // The hands share one generator; a loop that fails ends it, and so leaves nothing to the others.
  const hand = async () => {
    for await (const item of items) await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, hand))
}

/** The blobs that files point at, in the order of their keys. */
export async function* referencedBlobs(metadata: MetadataStore): AsyncGenerator<ReferencedBlob, void> {
  let page: readonly ReferencedBlob[] = []
  do {
    page = await metadata.listReferencedBlobs(page.at(-1)?.key, PAGE)
    yield* page
  } while (page.length === PAGE)
}

/** The files whose bytes are segments, in the order of their ids. */
export async function* segmentedFiles(metadata: MetadataStore): AsyncGenerator<SegmentedFile, void> {
  let page: readonly SegmentedFile[] = []
  do {
    page = await metadata.listSegmentedFiles(page.at(-1)?.id, PAGE)
    yield* page
  } while (page.length === PAGE)
}

/** Whether the file still points at the blob: one that has ended meanwhile, or was joined, may have lost its bytes. */
export async function isReferenced(
  metadata: MetadataStore,
  { key, fileId, start }: ReferencedBlob,
): Promise<boolean> {
  if ((await metadata.findFile(fileId))?.blobKey === key) return true
  if (start === null) return false
  return (await segmentsAndParts(metadata, fileId)).some(({ blobKey }) => blobKey === key)
}
