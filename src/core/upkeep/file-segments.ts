import type { FileId } from '../file-id.ts'
import type { Segment } from '../ports/changes.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'

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
