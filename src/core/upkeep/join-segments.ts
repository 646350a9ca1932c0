import { createHash, type Hash, randomInt } from 'node:crypto'
import { isStoreError } from '../errors.ts'
import { type FileRecord, sameBytes } from '../files/file.ts'
import { readSegment } from '../files/read-bytes.ts'
import type { Digests, IncomingBody } from '../incoming-body.ts'
import type { Change, FilePatch, Segment } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { MANY_SEGMENTS, SMALL_SEGMENT_BYTES } from '../uploads/append-upload.ts'
import { type ReceivedBytes, receive, releaseTerms } from '../uploads/receive-bytes.ts'
import { BATCH, commitUnlessChanged } from './catch-up.ts'
import { listAllSegments } from './file-segments.ts'

/** A stop of the server waits for a piece. */
const PIECE_BYTES = 64 * 1024 * 1024
/** One commit takes out so many that others hardly wait for it. */
const PIECE_SEGMENTS = 200
/** Of an upload whose segments are large, pieces have to be larger still, or there would never be fewer. */
const SEGMENTS_PER_PIECE = 4

/** More: it has neighbours that wait. Later: a request was faster. */
type Outcome = 'done' | 'more' | 'later'

/**
 * Writes neighbouring segments of files as one: small ones, and any where an upload has so many that it could soon take no
 * more. Uploads go on meanwhile. Readers keep what was joined for the grace of downloads.
 * @returns how many files have more to join; one that a request was faster at waits for the next time
 */
export async function joinSegments(services: Services): Promise<number> {
  if (!services.metadata.takesSegments) return 0
  const due = await services.metadata.listFilesToJoin(BATCH)
  const outcomes = { done: 0, more: 0, later: 0 }
  let readBytes = 0
  // Any of them first, or a large one would keep the others waiting.
  const first = due.length > 0 ? randomInt(due.length) : 0
  for (const file of [...due.slice(first), ...due.slice(0, first)]) {
    const { outcome, joinedBytes } = await joinFirst(services, file)
    outcomes[outcome]++
    readBytes += joinedBytes
    // Whoever runs this may stop now, or goes on.
    if (readBytes >= PIECE_BYTES) return outcomes.more + outcomes.done
  }
  return outcomes.more + (due.length === BATCH ? outcomes.done : 0)
}

/** Joins the first neighbours of a file that are to be joined. */
async function joinFirst(
  services: Services,
  file: FileRecord,
): Promise<{ readonly outcome: Outcome; readonly joinedBytes: number }> {
  const segments = await listAllSegments(services.metadata, file.id)
  const piece = firstPiece(segments)
  if (piece.length === 0) {
    const isSettled = await settle(services, file, segments)
    return { outcome: isSettled ? 'done' : 'later', joinedBytes: 0 }
  }
  const joinedBytes = sizeOf(piece)
  try {
    const isJoined = await join(services, file, segments, piece)
    return { outcome: isJoined ? 'more' : 'later', joinedBytes }
  } catch (error) {
    if (!isStoreError(error, 'missing') && !(error instanceof WrongBytes)) throw error
    // Joining would hide the damage from whoever looks for it.
    const isSettled = await commitUnlessChanged(services, [update(file, { joinDue: false })])
    return { outcome: isSettled ? 'done' : 'later', joinedBytes }
  }
}

/** The first neighbours that are to be joined, or none. */
export function firstPiece(segments: readonly Segment[]): readonly Segment[] {
  const isMany = segments.length >= MANY_SEGMENTS
  const meanBytes = sizeOf(segments) / segments.length
  const maxBytes = isMany ? Math.max(PIECE_BYTES, SEGMENTS_PER_PIECE * meanBytes) : PIECE_BYTES
  let piece: Segment[] = []
  let pieceBytes = 0
  for (const segment of segments) {
    const isWanted = isMany || segment.sizeBytes < SMALL_SEGMENT_BYTES
    const fits = piece.length < PIECE_SEGMENTS && pieceBytes + segment.sizeBytes <= maxBytes
    if (piece.length > 1 && !(isWanted && fits)) return piece
    if (!fits || !isWanted) [piece, pieceBytes] = [[], 0]
    if (!isWanted) continue
    piece.push(segment)
    pieceBytes += segment.sizeBytes
  }
  return piece.length > 1 ? piece : []
}

function sizeOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/**
 * Bytes first, then one commit that holds only if the very segments are still there.
 * @returns false if a request was faster
 */
async function join(
  services: Services,
  file: FileRecord,
  segments: readonly Segment[],
  piece: readonly Segment[],
): Promise<boolean> {
  const { organizationId, id } = file
  const sizeBytes = sizeOf(piece)
  const size = { atLeast: sizeBytes, atMost: sizeBytes }
  const body = new JoinedBody(services, file, piece)
  await using received = await receive(services, { organizationId, size }, body)
  const now = await services.metadata.findFile(id)
  if (now === undefined || now.layout !== 'segments') return false
  const isAll = piece.length === segments.length && now.blobSizeBytes === sizeBytes
  if (now.state === 'stored' && isAll) {
    if (now.sha256 !== received.digests.sha256) throw new WrongBytes()
    const whole = { ...received.fields, md5: now.md5 }
    return take(received, [update(now, whole), ...released(services, now, piece), received.claimFor(id)])
  }
  // Appends may have come since the segments were listed.
  const appended = now.segmentCount - file.segmentCount
  const segmentCount = segments.length - piece.length + 1 + appended
  const { state, blobKey, sha256 } = now
  const [first] = piece as [Segment]
  return take(received, [
    { kind: 'file.update', id, guard: { state, blobKey, sha256 }, patch: { segmentCount } },
    ...released(services, now, piece),
    ...received.claimAsSegment(id, first.start),
  ])
}

async function take(received: ReceivedBytes, changes: readonly Change[]): Promise<boolean> {
  try {
    await received.take(changes)
    return true
  } catch (error) {
    if (isStoreError(error, 'conflict')) return false
    throw error
  }
}

/** Nothing is left to join. Of a stored file whose one segment has all bytes that segment becomes the file's own. */
async function settle(services: Services, file: FileRecord, segments: readonly Segment[]): Promise<boolean> {
  const [only] = segments
  if (file.state !== 'stored' || only === undefined || only.sizeBytes !== file.blobSizeBytes)
    return commitUnlessChanged(services, [update(file, { joinDue: false, segmentCount: segments.length })])
  const { blobKey } = only
  if (blobKey === null)
    return commitUnlessChanged(services, [
      update(file, { layout: 'inline', joinDue: false, segmentCount: 1 }),
    ])
  return commitUnlessChanged(services, [
    update(file, { layout: 'blob', joinDue: false, segmentCount: 0, blobKey }),
    ...released(services, file, [only]),
    { kind: 'blob.claim', key: blobKey },
  ])
}

/** Holds only if no bytes have come since the row was read. */
function update(file: FileRecord, patch: FilePatch): Change {
  return { kind: 'file.update', id: file.id, guard: { state: file.state, ...sameBytes(file) }, patch }
}

function released(services: Services, file: FileRecord, segments: readonly Segment[]): Change[] {
  const blob = releaseTerms(services, file, services.policy.downloadGraceMs)
  return segments.map((segment) => ({ kind: 'segment.release', fileId: file.id, segment, blob }))
}

/** The bytes of a segment are not those that came. */
class WrongBytes extends Error {}

/** Segments as one body. Iterating throws `WrongBytes`, and StoreError `missing` where bytes are lost or were just released. */
class JoinedBody implements IncomingBody {
  readonly brokenBy = undefined
  readonly whole = undefined
  readonly #services: Services
  readonly #file: FileRecord
  readonly #piece: readonly Segment[]
  readonly #hash: Hash = createHash('sha256')
  #digests: Digests | undefined

  constructor(services: Services, file: FileRecord, piece: readonly Segment[]) {
    this.#services = services
    this.#file = file
    this.#piece = piece
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for (const segment of this.#piece) {
      const own = createHash('sha256')
      for await (const chunk of readSegment(this.#services, this.#file.id, segment)) {
        own.update(chunk)
        this.#hash.update(chunk)
        yield chunk
      }
      if (own.digest('hex') !== segment.sha256) throw new WrongBytes()
    }
    this.#digests = { sizeBytes: sizeOf(this.#piece), sha256: this.#hash.digest('hex'), md5: null }
  }

  digests(): Digests {
    if (this.#digests === undefined) throw new Error('the segments have not been read')
    return this.#digests
  }
}
