import type { BodySize } from '../body-size.ts'
import { isStoreError, ServiceError } from '../errors.ts'
import { type FileRecord, stateAt } from '../files/file.ts'
import type { Digests, IncomingBody } from '../incoming-body.ts'
import { commitWithinQuota } from '../limits/quota.ts'
import type { Change, UsageOf } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { announcedBody } from './announced-digest.ts'
import { requireSize } from './direct-upload.ts'
import { discardBlob, fillBlob, intendBlob, type StagedBlob } from './stage-blob.ts'
import { uploadIsOver } from './stage-upload.ts'

/** A pending upload that its PUT alone stores. */
export type OpenUpload = FileRecord & { readonly uploadMaxBytes: number }

/** The bytes of a PUT, and what is known of them. */
export interface ArrivingUpload {
  readonly body: IncomingBody
  /** As its headers announce; undefined: they do not tell. */
  readonly sizeBytes: number | undefined
  /** What else tells of their type, once all have passed; asked only if the file's own type says nothing. */
  readonly typeOf: () => Promise<string>
}

const UNKNOWN_TYPE = 'application/octet-stream'

export function isOpenUpload(file: FileRecord): file is OpenUpload {
  return file.uploadMaxBytes !== null
}

/**
 * Receives the bytes of a pending upload durably and makes it a stored file in the same commit; on any failure nothing is
 * kept, and the upload goes on waiting. What was not counted when it was opened is counted now.
 * @throws ServiceError `link-invalid` if the upload is over, by another PUT too; `quota-exceeded`, `size-mismatch`,
 *   `bytes-missing`, `storage-full`, and what the body throws
 */
export async function storeUpload(
  services: Services,
  file: OpenUpload,
  arriving: ArrivingUpload,
): Promise<Digests> {
  const { organizationId } = file
  const size = sizeOf(file, arriving)
  const reserve = uncounted(file, size.atLeast)
  const announced = { organizationId, size, ...(reserve.bytes > 0 ? { reserve } : {}) }
  const intent = await intendBlob(services, announced)
  const blob = await fillBlob(services, intent, announcedBody(file, arriving.body))
  try {
    checkSize(file, blob.sizeBytes)
    const mimeType = file.mimeType === UNKNOWN_TYPE ? await arriving.typeOf() : file.mimeType
    await publish(services, file, blob, mimeType)
    return blob
  } catch (error) {
    await discardBlob(services, blob.key)
    throw error
  }
}

function sizeOf(
  { sizeBytes, uploadMaxBytes }: OpenUpload,
  { sizeBytes: announced }: ArrivingUpload,
): BodySize {
  return { atLeast: announced ?? sizeBytes, atMost: announced ?? uploadMaxBytes }
}

/** What these bytes take beyond those that the pending upload counts. */
function uncounted({ organizationId, projectId, sizeBytes }: FileRecord, bytes: number): UsageOf {
  return { organizationId, projectId, files: 0, bytes: bytes - sizeBytes }
}

/** An empty body where no size was announced is a client that gave up, not a file. */
function checkSize(file: OpenUpload, sizeBytes: number): void {
  if (file.sizeBytes === file.uploadMaxBytes) requireSize(file, sizeBytes)
  else if (sizeBytes === 0) throw new ServiceError('bytes-missing', 'The body is empty.')
}

async function publish(
  { metadata, clock }: Services,
  file: OpenUpload,
  blob: StagedBlob,
  mimeType: string,
): Promise<void> {
  const now = clock.now()
  if (stateAt(file, now) !== 'pending') throw uploadIsOver()
  const { key: blobKey, sizeBytes, sha256, md5, reserved } = blob
  const bytes = { sizeBytes, mimeType, blobKey, blobSizeBytes: sizeBytes, sha256, md5 }
  const patch = { ...bytes, state: 'stored', storedAt: now, lastActiveAt: now, updatedAt: now } as const
  const guard = { state: 'pending', blobKey: null } as const
  const usage = uncounted(file, sizeBytes)
  const rest = { ...usage, bytes: usage.bytes - (reserved?.bytes ?? 0) }
  const counted: Change[] = rest.bytes === 0 ? [] : [{ kind: 'usage.add', usage: rest }]
  const update = { kind: 'file.update', id: file.id, guard, patch } as const
  try {
    await commitWithinQuota({ metadata }, [update, { kind: 'blob.claim', key: blobKey }, ...counted])
  } catch (error) {
    // Pending uploads of this kind only ever end, so somebody was faster: another PUT, a cancel, or the clock.
    if (isStoreError(error, 'conflict') && error.change === 'file.update') throw uploadIsOver()
    throw error
  }
}
