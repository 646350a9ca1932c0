import { createHash } from 'node:crypto'
import { type FileRecord, noBytes, sameBytes, stateAt } from '../files/file.ts'
import { readBytes } from '../files/read-bytes.ts'
import type { WholeDigest } from '../incoming-body.ts'
import type { Change, FilePatch } from '../ports/changes.ts'
import type { Services, UpkeepServices } from '../services.ts'
import { chainOf } from './digest-chain.ts'
import { releaseBytes } from './receive-bytes.ts'
import { isOvertaken, requireDigest, UNKNOWN_TYPE, uploadIsOver } from './receive-upload.ts'

/** What a file's content shows of its type; reads as much as it needs. */
export type TypeOf = (content: AsyncIterable<Uint8Array>) => Promise<string>

/** How many bytes have come. */
export function offsetOf({ blobSizeBytes }: Pick<FileRecord, 'blobSizeBytes'>): number {
  return blobSizeBytes ?? 0
}

type Length = Pick<FileRecord, 'sizeBytes' | 'uploadMaxBytes'>

/** Of the whole file; the most that it may have while the client has not told. */
export function lengthOf({ sizeBytes, uploadMaxBytes }: Length): number {
  return uploadMaxBytes ?? sizeBytes
}

export function isLengthKnown({ sizeBytes, uploadMaxBytes }: Length): boolean {
  return uploadMaxBytes === null || uploadMaxBytes === sizeBytes
}

/** Whether all bytes of an upload have come. */
export function isWhole(file: FileRecord): boolean {
  return isLengthKnown(file) && file.blobSizeBytes === lengthOf(file)
}

/**
 * Finds the SHA-256 of an upload whose bytes have come in pieces, and stores it if it is an open one. Repeating it does no
 * harm.
 * @param whole the digest of what passed, if somebody carried it; else all bytes are read once more
 * @returns the row afterwards
 * @throws ServiceError `checksum-mismatch` if these are not the announced bytes: then they are given up; `link-invalid` if the
 *   upload ended meanwhile
 */
export async function finishUpload(
  services: UpkeepServices,
  file: FileRecord,
  typeOf?: TypeOf,
  whole?: WholeDigest,
): Promise<FileRecord> {
  const { metadata, clock } = services
  const sha256 = file.sha256 ?? (await sha256Of(services, file, whole))
  const now = clock.now()
  await requireAnnounced(services, file, sha256)
  const isTold = file.mimeType !== UNKNOWN_TYPE || typeOf === undefined
  const mimeType = isTold ? file.mimeType : await typeOf(readBytes(services, file))
  // A file of one segment can be one blob.
  const joinDue = file.joinDue || file.segmentCount === 1
  const stored = { state: 'stored', storedAt: now, lastActiveAt: now, mimeType, joinDue } as const
  const patch = { sha256, updatedAt: now, ...(file.uploadMaxBytes === null ? {} : stored) }
  try {
    await metadata.commit([updateOf(file, patch)])
    return { ...file, ...patch }
  } catch (error) {
    const found = isOvertaken(error) ? await metadata.findFile(file.id) : undefined
    if (found === undefined) throw error
    if (stateAt(found, now) !== 'stored' && found.sha256 === null) throw uploadIsOver()
    return found
  }
}

/** Gives up bytes that are not the announced ones, so that the right ones can come. @throws ServiceError `checksum-mismatch` */
async function requireAnnounced(services: UpkeepServices, file: FileRecord, sha256: string): Promise<void> {
  try {
    requireDigest(file, sha256)
  } catch (wrongBytes) {
    const patch = { ...noBytes, blobSizeBytes: null, sha256: null, updatedAt: services.clock.now() }
    const changes = [updateOf(file, patch), ...releaseBytes(services, file)]
    await services.metadata.commit(changes).catch((error) => {
      // Another server has given them up, or the upload has ended.
      if (!isOvertaken(error)) throw error
    })
    throw wrongBytes
  }
}

function updateOf(file: FileRecord, patch: FilePatch): Change {
  return { kind: 'file.update', id: file.id, guard: { state: 'pending', ...sameBytes(file) }, patch }
}

type ByteStores = Pick<Services, 'metadata' | 'blobs'>

/** As it was carried, if that is of these very segments; what passed need not be what was kept. */
async function sha256Of(
  stores: ByteStores,
  file: FileRecord,
  whole: WholeDigest | undefined,
): Promise<string> {
  if (whole !== undefined && whole.chain === chainOf(await segmentDigests(stores, file))) return whole.sha256
  const hash = createHash('sha256')
  for await (const chunk of readBytes(stores, file)) hash.update(chunk)
  return hash.digest('hex')
}

async function segmentDigests({ metadata }: ByteStores, { id, segmentCount }: FileRecord): Promise<string[]> {
  const segments = await metadata.listSegments(id, 0, segmentCount)
  return segments.map(({ sha256 }) => sha256)
}
