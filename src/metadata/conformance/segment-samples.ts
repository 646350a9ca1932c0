import { createHash } from 'node:crypto'
import type { FileId } from '../../core/file-id.ts'
import type { FileRecord } from '../../core/files/file.ts'
import type { Change, NewSegment, Segment } from '../../core/ports/changes.ts'
import type { MetadataStore } from '../../core/ports/metadata-store.ts'
import { NOW, newKey, sampleUpload } from './samples.ts'

export const conflict = { name: 'StoreError', code: 'conflict' }
export const terms = { collectAfter: NOW, mayComeLate: false }

export const blobAt = (start: number, sizeBytes = 10): NewSegment => {
  return { start, sizeBytes, sha256: sha256Of(`${start}`), blobKey: newKey(), bytes: null }
}
export const inlineAt = (start: number, bytes: Uint8Array): NewSegment => {
  return { start, sizeBytes: bytes.byteLength, sha256: sha256Of(bytes), blobKey: null, bytes }
}
export const sha256Of = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')
export const told = ({ bytes: _, ...segment }: NewSegment): Segment => segment
export const insert = (fileId: FileId, segment: NewSegment): Change => ({
  kind: 'segment.insert',
  fileId,
  segment,
})
export const release = (fileId: FileId, segment: Segment): Change => {
  return { kind: 'segment.release', fileId, segment, blob: terms }
}

/** An upload with these segments. */
export async function uploadOf(
  store: MetadataStore,
  segments: readonly NewSegment[],
  given: Partial<FileRecord> = {},
): Promise<FileRecord> {
  const file = sampleUpload({ layout: 'segments', segmentCount: segments.length, ...given })
  await store.commit([{ kind: 'file.insert', file }, ...segments.map((segment) => insert(file.id, segment))])
  return file
}
