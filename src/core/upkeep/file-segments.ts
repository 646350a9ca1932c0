import type { FileId } from '../file-id.ts'
import type { Segment } from '../ports/changes.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import { MAX_SEGMENTS } from '../uploads/append-upload.ts'

const PAGE = 1000

/** The segments of a file that have a place, in order: at most some ten thousand. */
export async function listAllSegments(metadata: MetadataStore, fileId: FileId): Promise<readonly Segment[]> {
  const segments: Segment[] = []
  for (let from = 0; ; ) {
    const page = await metadata.listSegments(fileId, from, PAGE)
    // Behind the end the last segment is listed once more.
    segments.push(...page.filter(({ start }) => start >= from))
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return segments
    from = last.start + last.sizeBytes
  }
}

/** The same, and after them those that have no place yet. */
export async function segmentsAndParts(metadata: MetadataStore, fileId: FileId): Promise<readonly Segment[]> {
  return [...(await listAllSegments(metadata, fileId)), ...(await metadata.listParts(fileId, MAX_SEGMENTS))]
}

/** Whether a segment that was read is still there. */
export async function hasSegment(
  metadata: MetadataStore,
  fileId: FileId,
  { start, sha256, blobKey }: Segment,
): Promise<boolean> {
  const now = (await segmentsAndParts(metadata, fileId)).find((segment) => segment.start === start)
  return now?.sha256 === sha256 && now.blobKey === blobKey
}
