import { ServiceError } from '../errors.ts'
import { type FileRecord, noBytes, sameBytes, stateAt } from '../files/file.ts'
import type { IncomingBody } from '../incoming-body.ts'
import { quotaExceeded, quotaLeft, throwQuota, uncount } from '../limits/quota.ts'
import type { Change, FilePatch } from '../ports/changes.ts'
import { HOUR_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import { finishUpload, isLengthKnown, isWhole, lengthOf, offsetOf, type TypeOf } from './finish-upload.ts'
import { type ReceivedBytes, receive, releaseBytes } from './receive-bytes.ts'
import { isOvertaken, requireDigest, UNKNOWN_TYPE, uploadIsOver } from './receive-upload.ts'
import { asWriter, stopWriters } from './stale-writers.ts'

/** An upload with as many takes no append until a job has joined some. */
export const MAX_SEGMENTS = 10_000
/** From so many on any neighbours are joined, not only small ones. */
export const MANY_SEGMENTS = MAX_SEGMENTS / 2
/** Smaller neighbours are joined. */
export const SMALL_SEGMENT_BYTES = 1024 * 1024
/** After so long a job has joined some. */
const JOINED_AFTER_SECONDS = 30

export interface AppendUpload {
  /** Where the client says that its body begins, in bytes from the beginning of the file. */
  readonly offset: number
  /**
   * The bytes, at most `maxBytes`; ends early and keeps what came when the client breaks off or `stop` fires. Asked for once.
   */
  readonly body: (stop: AbortSignal, maxBytes: number) => IncomingBody
  /** Of the body, as its headers announce; undefined: they do not tell. */
  readonly bodyBytes: number | undefined
  /** Of the whole file, if this request tells it. */
  readonly fileBytes?: number | undefined
  /** The file ends with this body. */
  readonly isLast?: boolean
  /** Of the whole file that ends with this body, lower-case hex: other bytes are given up. */
  readonly fileSha256?: string | undefined
  /** When the link ends, in ms since the epoch: the upload's end slides up to it. */
  readonly linkExpiresAt: number
  /** What the content shows, if the type is not known otherwise. */
  readonly typeOf: TypeOf
}

/**
 * Adds the body to an upload, durably, as one segment. What came of a body that broke off is kept, so that the client goes on
 * there. Once all bytes have come an open upload becomes a stored file, and another one waits for its complete.
 * No lock is held: whoever begins where the upload ends when it commits wins.
 * @returns the row afterwards
 * @throws ServiceError `link-invalid` if the upload is over; `offset-mismatch`, `bytes-too-many`, `size-mismatch`,
 *   `checksum-mismatch`, `quota-exceeded`, `storage-full`; `upload-fragmented` while it has too many segments; and what the
 *   body throws. Nothing of the body is kept then.
 */
export const appendUpload = traced('appendUpload', append)

async function append(services: Services, asked: FileRecord, input: AppendUpload): Promise<FileRecord> {
  const settled = await settleUpload(services, asked, input.typeOf)
  requirePending(services, settled)
  requireAppends(services)
  requireOffset(settled, input.offset)
  const file = announced(await declareLength(services, settled, input.fileBytes), input.fileSha256)
  requireFit(file, input)
  const { plan, isQuotaLeft } = await planOf(services, file, input)
  return asWriter(services, file.id, async (stop) => {
    const body = input.body(stop, plan.size.atMost)
    await using received = await receive(services, plan, body).catch((error) => {
      throw isQuotaLeft && isTooMany(error) ? quotaExceeded() : error
    })
    return await takeSegment(services, file, input, received, body)
  })
}

/**
 * The upload as it is once nobody of this process writes to it: a stale writer keeps what came and ends, and an upload whose
 * bytes have all come is finished.
 */
export async function settleUpload(
  services: Services,
  asked: FileRecord,
  typeOf: TypeOf,
): Promise<FileRecord> {
  await stopWriters(services, asked.id)
  const file = (await services.metadata.findFile(asked.id)) ?? asked
  const isLeft = stateAt(file, services.clock.now()) === 'pending' && isWhole(file) && file.sha256 === null
  return isLeft ? finishUpload(services, file, typeOf) : file
}

/**
 * Ends a pending upload for whoever holds its link; what came is released.
 * @throws ServiceError `link-invalid` if it is over
 */
export const cancelOpenUpload = traced('cancelOpenUpload', cancelOpen)

async function cancelOpen(services: Services, asked: FileRecord): Promise<void> {
  await stopWriters(services, asked.id)
  const file = (await services.metadata.findFile(asked.id)) ?? asked
  requirePending(services, file)
  const patch = { state: 'cancelled', ...noBytes, updatedAt: services.clock.now() } as const
  const guard = { state: 'pending', ...sameBytes(file) } as const
  try {
    await services.metadata.commit([
      { kind: 'file.update', id: file.id, guard, patch },
      uncount(file),
      ...releaseBytes(services, file),
    ])
  } catch (error) {
    if (!isOvertaken(error)) throw error
    await cancelOpenUpload(services, asked)
  }
}

/** @throws ServiceError `storage-unavailable` while a server of an older release, which knows no segments, lives */
export function requireAppends({ metadata }: Services): void {
  if (metadata.takesSegments) return
  throw new ServiceError('storage-unavailable', 'Appends are not possible before all servers are upgraded.')
}

/** How many bytes may still come; as the client has told, or as much as is allowed. */
export function remainingOf(file: FileRecord, fileBytes = lengthOf(file)): number {
  return Math.min(fileBytes, lengthOf(file)) - offsetOf(file)
}

function requirePending({ clock }: Services, file: FileRecord): void {
  if (stateAt(file, clock.now()) !== 'pending') throw uploadIsOver()
}

function requireOffset(file: FileRecord, asked: number): void {
  const offset = offsetOf(file)
  if (asked === offset) return
  const message = `The upload goes on at byte ${offset}, not at byte ${asked}.`
  throw new ServiceError('offset-mismatch', message, { offset })
}

/** Counts the whole file from now on. @throws ServiceError `size-mismatch`, `bytes-too-many`, `quota-exceeded` */
async function declareLength(
  services: Services,
  file: FileRecord,
  fileBytes: number | undefined,
): Promise<FileRecord> {
  if (fileBytes === undefined) return file
  if (isLengthKnown(file)) {
    if (fileBytes === lengthOf(file)) return file
    const message = `The file has ${lengthOf(file)} bytes, as was announced, and not ${fileBytes}.`
    throw new ServiceError('size-mismatch', message)
  }
  if (fileBytes > lengthOf(file) || fileBytes < offsetOf(file)) throw tooMany(file, fileBytes)
  const patch: FilePatch = { sizeBytes: fileBytes, uploadMaxBytes: fileBytes }
  await services.metadata
    .commit([
      { kind: 'usage.add', usage: usageBeyond(file, fileBytes - file.sizeBytes) },
      { kind: 'file.update', id: file.id, guard: { state: 'pending', ...sameBytes(file) }, patch },
    ])
    .catch(throwQuota)
    .catch((error) => refuseOvertaken(services, file, error))
  return { ...file, ...patch }
}

/** With a digest that the upload was not begun with. @throws ServiceError `checksum-mismatch` if it was begun with another */
function announced(file: FileRecord, sha256: string | undefined): FileRecord {
  if (sha256 === undefined) return file
  requireDigest(file, sha256)
  return { ...file, expectedSha256: sha256 }
}

/** All that is known before the first byte. */
function requireFit(file: FileRecord, { bodyBytes = 0, isLast = false }: AppendUpload): void {
  const end = offsetOf(file) + bodyBytes
  if (end > lengthOf(file)) throw tooMany(file, end)
  if (isLast && bodyBytes > 0 && isLengthKnown(file) && end !== lengthOf(file)) throw endsEarly(file, end)
  if (file.segmentCount < MAX_SEGMENTS) return
  const message = 'The upload came in too many pieces, which are being joined; try again soon.'
  throw new ServiceError('upload-fragmented', message, { retryAfterSeconds: JOINED_AFTER_SECONDS })
}

/** Bytes that nobody announced are counted once they are there; no more are taken than the quota has left now. */
async function planOf(services: Services, file: FileRecord, { bodyBytes, fileBytes }: AppendUpload) {
  const { organizationId } = file
  const remaining = remainingOf(file, fileBytes)
  const isCounted = isLengthKnown(file)
  const isUnknown = !isCounted && bodyBytes === undefined
  const left = isUnknown ? await quotaLeft(services, file) : remaining
  const size = { atLeast: bodyBytes ?? 0, atMost: Math.min(remaining, left) }
  // A body that breaks off is kept, however short, so that only its end is certain.
  const reserve = isCounted || bodyBytes === undefined ? undefined : usageBeyond(file, bodyBytes)
  return { plan: { organizationId, size, reserve }, isQuotaLeft: left < remaining }
}

function isTooMany(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'bytes-too-many'
}

/** Commits what came as a segment, or as all bytes of the file. */
async function takeSegment(
  services: Services,
  file: FileRecord,
  { isLast = false, linkExpiresAt, typeOf }: AppendUpload,
  received: ReceivedBytes,
  { brokenBy, whole }: IncomingBody,
): Promise<FileRecord> {
  const now = services.clock.now()
  requirePending(services, file)
  const offset = offsetOf(file)
  const { sizeBytes, sha256 } = received.digests
  const end = offset + sizeBytes
  const ends = isLast && brokenBy === undefined
  if (ends && isLengthKnown(file) && end !== lengthOf(file)) throw endsEarly(file, end)
  const slid = Math.max(file.uploadExpiresAt ?? 0, Math.min(now + HOUR_MS, linkExpiresAt))
  const known = isLengthKnown(file) ? {} : { sizeBytes: end, ...(ends && { uploadMaxBytes: end }) }
  const after: FileRecord = { ...file, ...known, blobSizeBytes: end, uploadExpiresAt: slid, updatedAt: now }
  const isOnly = offset === 0 && isWhole(after)
  if (sizeBytes === 0 && !isWhole(after)) return file
  if (isOnly) requireDigest(file, sha256)
  const isStored = isOnly && file.uploadMaxBytes !== null
  const row: FileRecord = {
    ...after,
    ...(isOnly ? received.fields : sizeBytes === 0 ? {} : asSegment(file, sizeBytes)),
    ...(isStored && { state: 'stored', storedAt: now, lastActiveAt: now }),
    ...(isStored && file.mimeType === UNKNOWN_TYPE && { mimeType: await typeOf(await received.open()) }),
  }
  const guard = { state: 'pending', ...sameBytes(file) } as const
  const update: Change = { kind: 'file.update', id: file.id, guard, patch: patchOf(row) }
  const counted = row.sizeBytes - file.sizeBytes - (received.reserved?.bytes ?? 0)
  const claims = isOnly ? [received.claimFor(file.id)] : received.claimAsSegment(file.id, offset)
  await received
    .take([
      ...(counted === 0 ? [] : [{ kind: 'usage.add', usage: usageBeyond(file, counted) } as const]),
      update,
      ...(isOnly || sizeBytes > 0 ? claims : []),
    ])
    .catch((error) => refuseOvertaken(services, file, error))
  return isWhole(row) && row.sha256 === null ? finishUpload(services, row, typeOf, whole) : row
}

function asSegment(file: FileRecord, sizeBytes: number): Partial<FileRecord> {
  const segmentCount = file.segmentCount + 1
  const isSmall = sizeBytes < SMALL_SEGMENT_BYTES && segmentCount > 1
  return {
    layout: 'segments',
    segmentCount,
    joinDue: file.joinDue || isSmall || segmentCount >= MANY_SEGMENTS,
  }
}

/** What an append may change. */
function patchOf(row: FileRecord): FilePatch {
  const { layout, segmentCount, joinDue, blobKey, blobSizeBytes, sha256, md5 } = row
  const { sizeBytes, uploadMaxBytes, uploadExpiresAt, updatedAt } = row
  const { state, storedAt, lastActiveAt, mimeType } = row
  return {
    ...{ layout, segmentCount, joinDue, blobKey, blobSizeBytes, sha256, md5 },
    ...{ sizeBytes, uploadMaxBytes, uploadExpiresAt, updatedAt },
    ...{ state, storedAt, lastActiveAt, mimeType },
  }
}

function usageBeyond({ organizationId, projectId }: FileRecord, bytes: number) {
  return { organizationId, projectId, files: 0, bytes }
}

/** Another append, a PUT, a cancel or the clock was faster: tells what is there now. */
async function refuseOvertaken(services: Services, file: FileRecord, error: unknown): Promise<never> {
  if (!isOvertaken(error)) throw error
  const now = await services.metadata.findFile(file.id)
  if (now === undefined) throw uploadIsOver()
  requirePending(services, now)
  const message = `Another request was faster; the upload goes on at byte ${offsetOf(now)}.`
  throw new ServiceError('offset-mismatch', message, { offset: offsetOf(now) })
}

function tooMany(file: FileRecord, bytes: number): ServiceError {
  const message = `There would be ${bytes} bytes; the upload takes ${lengthOf(file)}.`
  return new ServiceError('bytes-too-many', message)
}

function endsEarly(file: FileRecord, end: number): ServiceError {
  const message = `The body ends at byte ${end}, but ${lengthOf(file)} bytes were announced.`
  return new ServiceError('size-mismatch', message)
}
