import { isStoreError, ServiceError } from '../errors.ts'
import { type FileRecord, sameBytes, stateAt } from '../files/file.ts'
import type { Digests, IncomingBody } from '../incoming-body.ts'
import type { Change } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import { receive, releaseBytes } from './receive-bytes.ts'

/** In which a client announces the SHA-256 of the bytes that it will put. Ours and no vendor's, so it is the same everywhere. */
export const DIGEST_HEADER = 'Entrepot-Content-Sha256'
/** Says nothing: what the content shows counts. */
export const UNKNOWN_TYPE = 'application/octet-stream'

/** The bytes of a PUT, and its conditions. */
export interface StagingUpload {
  readonly body: IncomingBody
  /** Throws if what is staged at that moment may not be replaced; asked again for what another PUT has staged meanwhile. */
  readonly requireReplaceable: (staged: FileRecord) => void
}

/**
 * Receives the bytes of a pending upload, durably. They replace the ones staged before, unless the upload is write-once.
 * Nothing is visible until the upload is completed; on any failure nothing is kept.
 * @throws ServiceError `link-invalid` if the upload is over, `checksum-mismatch` if these are not the announced bytes,
 *   `bytes-already-stored`, `storage-full`, and what `body` and `requireReplaceable` throw
 */
export const stageUpload = traced('stageUpload', stage)

async function stage(
  services: Services,
  asked: FileRecord,
  { body, requireReplaceable }: StagingUpload,
): Promise<Digests> {
  const { metadata, clock } = services
  const size = { atLeast: asked.sizeBytes, atMost: asked.sizeBytes }
  await using received = await receive(services, { organizationId: asked.organizationId, size }, body)
  const { digests, fields } = received
  requireDigest(asked, digests.sha256)
  // Of several PUTs that end at once each replaces the one before: the last to commit is what a complete will see.
  for (let file: FileRecord | undefined = asked; ; file = await metadata.findFile(asked.id)) {
    const now = clock.now()
    if (file === undefined || stateAt(file, now) !== 'pending') throw uploadIsOver()
    if (file.writeOnce && file.sha256 !== null) throw bytesAlreadyStored()
    requireReplaceable(file)
    const guard = { state: 'pending', ...sameBytes(file) } as const
    const patch = { ...fields, updatedAt: now }
    const update: Change = { kind: 'file.update', id: file.id, guard, patch }
    const release = releaseBytes(services, file)
    try {
      await received.take([update, ...release, received.claimFor(file.id)])
      return digests
    } catch (error) {
      // A lost lease on the bytes is no reason to look again.
      if (!isOvertaken(error)) throw error
    }
  }
}

/** A pending upload that its PUT alone stores. */
export type OpenUpload = FileRecord & { readonly uploadMaxBytes: number }

export function isOpenUpload(file: FileRecord): file is OpenUpload {
  return file.uploadMaxBytes !== null
}

/** The bytes of the PUT of an open upload, and what is known of them. */
export interface ArrivingUpload {
  readonly body: IncomingBody
  /** As its headers announce; undefined: they do not tell. */
  readonly sizeBytes: number | undefined
  /** What else tells of their type, once all have passed; asked only if the file's own type says nothing. */
  readonly typeOf: () => Promise<string>
}

/**
 * Receives the bytes of an open upload durably and makes it a stored file in the same commit; on any failure nothing is
 * kept, and the upload goes on waiting. What was not counted when it was opened is counted now.
 * @throws ServiceError `link-invalid` if the upload is over, by another PUT too; `quota-exceeded`, `size-mismatch`,
 *   `checksum-mismatch`, `bytes-missing`, `storage-full`, and what the body throws
 */
export const storeUpload = traced('storeUpload', store)

async function store(
  services: Services,
  asked: OpenUpload,
  { body, sizeBytes: announced, typeOf }: ArrivingUpload,
): Promise<Digests> {
  const { metadata, clock } = services
  const { organizationId, projectId, uploadMaxBytes } = asked
  const account = { organizationId, projectId }
  const size = { atLeast: announced ?? asked.sizeBytes, atMost: announced ?? uploadMaxBytes }
  const beyond = size.atLeast - asked.sizeBytes
  const reserve = beyond > 0 ? { ...account, files: 0, bytes: beyond } : undefined
  await using received = await receive(services, { organizationId, size, reserve }, body)
  const { digests, reserved } = received
  const { sizeBytes, sha256 } = digests
  requireDigest(asked, sha256)
  if (asked.sizeBytes === uploadMaxBytes) requireSize(asked, sizeBytes)
  // An empty body where no size was announced is a client that gave up, not a file.
  else if (sizeBytes === 0) throw new ServiceError('bytes-missing', 'The body is empty.')
  const mimeType = asked.mimeType === UNKNOWN_TYPE ? await typeOf() : asked.mimeType
  for (let file: FileRecord | undefined = asked; ; file = await metadata.findFile(asked.id)) {
    const now = clock.now()
    if (file === undefined || stateAt(file, now) !== 'pending') throw uploadIsOver()
    const usage = { ...account, files: 0, bytes: sizeBytes - file.sizeBytes - (reserved?.bytes ?? 0) }
    const counted: Change[] = usage.bytes === 0 ? [] : [{ kind: 'usage.add', usage }]
    const ended = { state: 'stored', storedAt: now, lastActiveAt: now, updatedAt: now } as const
    const guard = { state: 'pending', ...sameBytes(file) } as const
    // From now on its length is known.
    const patch = { sizeBytes, uploadMaxBytes: sizeBytes, mimeType, ...received.fields, ...ended }
    const update: Change = { kind: 'file.update', id: file.id, guard, patch }
    const release = releaseBytes(services, file)
    try {
      await received.take([...counted, update, ...release, received.claimFor(file.id)])
      return digests
    } catch (error) {
      // Another PUT, a cancel or the clock ended it, or an append came between: look again.
      if (!isOvertaken(error)) throw error
    }
  }
}

/** Whether another request on the same upload was faster. */
export function isOvertaken(error: unknown): boolean {
  return isStoreError(error, 'conflict') && error.change === 'file.update'
}

/** Where nothing was announced all bytes will do. @throws ServiceError `checksum-mismatch` */
export function requireDigest(
  { expectedSha256 }: Pick<FileRecord, 'expectedSha256'>,
  sha256: string | null,
): void {
  if (expectedSha256 === null || expectedSha256 === sha256) return
  const message = 'The bytes do not have the SHA-256 that was announced for them.'
  throw new ServiceError('checksum-mismatch', message, { field: DIGEST_HEADER })
}

/** @throws ServiceError `size-mismatch` */
export function requireSize(file: Pick<FileRecord, 'sizeBytes'>, uploadedBytes: number | null): void {
  if (uploadedBytes === file.sizeBytes) return
  const message = `${uploadedBytes} bytes were uploaded, ${file.sizeBytes} were announced.`
  throw new ServiceError('size-mismatch', message, { field: 'sizeBytes' })
}

export function uploadIsOver(): ServiceError {
  return new ServiceError('link-invalid', 'This link is not valid, or the upload is over.')
}

export function bytesAlreadyStored(): ServiceError {
  return new ServiceError('bytes-already-stored', 'Bytes are already stored here and may not be overwritten.')
}
