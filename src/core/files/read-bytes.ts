import { Readable } from 'node:stream'
import { isStoreError, ServiceError, StoreError } from '../errors.ts'
import type { FileId } from '../file-id.ts'
import type { ByteRange } from '../ports/blob-store.ts'
import type { Segment } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { type FileRecord, hasBytes } from './file.ts'

/** What holds bytes. */
type ByteStores = Pick<Services, 'metadata' | 'blobs'>

/** Segments whose places are looked up together. */
const SEGMENTS_AT_ONCE = 200

/**
 * Opens the bytes of a file that was read a moment ago, or a range of them: in memory if the database holds them all, else as a
 * stream with backpressure. A delete may have removed them since.
 * @throws ServiceError `file-not-found` if the file has ended meanwhile; StoreError `missing` if its bytes are lost
 */
export async function openBytes(
  stores: ByteStores,
  file: FileRecord,
  range?: ByteRange,
): Promise<Readable | Uint8Array> {
  try {
    return await openLayout(stores, file, range)
  } catch (error) {
    const now = isStoreError(error, 'missing') ? await stores.metadata.findFile(file.id) : file
    if (now !== undefined && hasBytes(now)) throw error
    throw new ServiceError('file-not-found', 'The file is gone.')
  }
}

/** The same, as chunks. A chunk's memory may be used again once two more were asked for. */
export async function* readBytes(
  stores: ByteStores,
  file: FileRecord,
  range?: ByteRange,
): AsyncGenerator<Uint8Array, void> {
  const bytes = await openBytes(stores, file, range)
  if (bytes instanceof Uint8Array) yield bytes
  else yield* bytes
}

async function openLayout(
  stores: ByteStores,
  file: FileRecord,
  range: ByteRange | undefined,
): Promise<Readable | Uint8Array> {
  const { layout, blobKey, id, blobSizeBytes } = file
  if (layout === 'inline') return requireInline(stores, id, 0, range)
  if (layout === 'blob') {
    if (blobKey === null) throw new Error('a file without bytes cannot be read')
    return stores.blobs.open(blobKey, range)
  }
  const pieces = piecesOf(stores, id, range ?? { first: 0, last: (blobSizeBytes ?? 0) - 1 })
  // The first one before any answer begins, because it may be lost.
  const first = await pieces.next()
  return Readable.from(inTurn(first, pieces), { objectMode: false })
}

async function* inTurn(
  first: IteratorResult<Uint8Array, void>,
  rest: AsyncGenerator<Uint8Array, void>,
): AsyncGenerator<Uint8Array, void> {
  if (first.done) return
  yield first.value
  yield* rest
}

/**
 * The bytes of a range over segments. They may be joined meanwhile: blobs stay for the grace of downloads; where the database
 * holds a segment no longer, the places of what is left are looked up anew.
 */
async function* piecesOf(
  stores: ByteStores,
  id: FileId,
  { first, last }: ByteRange,
): AsyncGenerator<Uint8Array, void> {
  let next = first
  let lostAt = -1
  while (next <= last) {
    const segments = await stores.metadata.listSegments(id, next, SEGMENTS_AT_ONCE)
    const before = next
    try {
      for (const segment of segments) {
        if (segment.start > next || next > last) break
        if (segment.start + segment.sizeBytes <= next) continue
        for await (const chunk of segmentBytes(stores, id, segment, { first: next, last })) {
          yield chunk
          next += chunk.byteLength
        }
      }
    } catch (error) {
      if (!isStoreError(error, 'missing') || lostAt === next) throw error
      lostAt = next
      continue
    }
    if (next > before) continue
    // All segments may have been joined to the one blob of the file.
    const now = await stores.metadata.findFile(id)
    if (!now?.blobKey) throw new StoreError('missing', 'the file has no segment for these bytes')
    return yield* await stores.blobs.open(now.blobKey, { first: next, last })
  }
}

/** All bytes of a segment. @throws StoreError `missing`, also if it was joined with others meanwhile */
export function readSegment(
  stores: ByteStores,
  id: FileId,
  segment: Segment,
): AsyncGenerator<Uint8Array, void> {
  const { start, sizeBytes } = segment
  return segmentBytes(stores, id, segment, { first: start, last: start + sizeBytes - 1 })
}

async function* segmentBytes(
  stores: ByteStores,
  id: FileId,
  { start, sizeBytes, blobKey }: Segment,
  wanted: ByteRange,
): AsyncGenerator<Uint8Array, void> {
  const range = { first: wanted.first - start, last: Math.min(wanted.last - start, sizeBytes - 1) }
  if (blobKey === null) yield await requireInline(stores, id, start, range)
  else yield* await stores.blobs.open(blobKey, range)
}

async function requireInline(
  { metadata }: ByteStores,
  id: FileId,
  start: number,
  range: ByteRange | undefined,
): Promise<Uint8Array> {
  const bytes = await metadata.findSegmentBytes(id, start)
  if (bytes === undefined || (range !== undefined && range.last >= bytes.byteLength))
    throw new StoreError('missing', 'the database does not hold these bytes')
  return range ? bytes.subarray(range.first, range.last + 1) : bytes
}
