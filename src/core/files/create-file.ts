import type { Caller } from '../caller.ts'
import { newFileId } from '../file-id.ts'
import { commitWithinQuota, isQuotaExceeded } from '../limits/quota.ts'
import type { BlobKey } from '../ports/blob-store.ts'
import type { Change, UsageOf } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { discardBlob, type StagedBlob } from '../uploads/stage-blob.ts'
import { type ExpiryRule, startExpiry } from './expiry.ts'
import type { FileRecord } from './file.ts'

/** Checked by the dialect: its own limits and names of fields apply. */
export interface CreateFile {
  /** One that the caller may use. */
  readonly projectId: string
  readonly name: string
  readonly mimeType: string
  readonly purpose: string | null
  readonly externalId: string | null
  readonly description?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly expiry: ExpiryRule
}

/**
 * Makes staged bytes a stored file, visible from here on in every dialect. On failure the bytes are given up.
 * @throws ServiceError `quota-exceeded` if the bytes that really came no longer fit
 */
export async function createFile(
  services: Services,
  caller: Caller,
  input: CreateFile,
  blob: StagedBlob,
): Promise<FileRecord> {
  const file = fileOf(services.clock.now(), caller, input, blob)
  try {
    try {
      await publish(services, file, blob.key, blob.reserved)
    } catch (error) {
      if (blob.reserved === undefined || !isQuotaExceeded(error)) throw error
      // Of many uploads at once each may have been in the way of the others with what it reserved. Now that this one is
      // out of the way it is judged by its size alone, so that in the end as many get in as fit.
      await giveReservationBack(services, blob.key, blob.reserved)
      await publish(services, file, blob.key, undefined)
    }
    return file
  } catch (error) {
    await discardBlob(services, blob.key)
    throw error
  }
}

/** Counts what the file takes beyond what was reserved for it, and makes it visible. */
async function publish(
  services: Services,
  file: FileRecord,
  key: BlobKey,
  reserved: UsageOf | undefined,
): Promise<void> {
  const { organizationId, projectId, sizeBytes } = file
  const files = 1 - (reserved?.files ?? 0)
  const bytes = sizeBytes - (reserved?.bytes ?? 0)
  const usage = { organizationId, projectId, files, bytes }
  const rest: Change[] = files === 0 && bytes === 0 ? [] : [{ kind: 'usage.add', usage }]
  await commitWithinQuota(services, [...rest, { kind: 'blob.claim', key }, { kind: 'file.insert', file }])
}

/** The bytes stay as they are, under the same key and a lease from now on. */
async function giveReservationBack(
  { metadata, clock, policy }: Services,
  key: BlobKey,
  reserved: UsageOf,
): Promise<void> {
  const usage = { ...reserved, files: -reserved.files, bytes: -reserved.bytes }
  await metadata.commit([
    { kind: 'blob.claim', key },
    { kind: 'usage.add', usage },
    { kind: 'blob.intend', blob: { key, collectAfter: clock.machineNow() + policy.writeLeaseMs } },
  ])
}

function fileOf(now: number, caller: Caller, input: CreateFile, blob: StagedBlob): FileRecord {
  const { expiry, description = '', labels = {}, ...given } = input
  return {
    ...given,
    description,
    labels,
    id: newFileId(now),
    organizationId: caller.organizationId,
    sizeBytes: blob.sizeBytes,
    createdBy: caller.subject.id,
    updatedBy: caller.subject.id,
    createdAt: now,
    updatedAt: now,
    state: 'stored',
    storedAt: now,
    uploadExpiresAt: null,
    writeOnce: false,
    uploadMaxBytes: null,
    expectedSha256: null,
    ...startExpiry(expiry, now),
    blobKey: blob.key,
    blobSizeBytes: blob.sizeBytes,
    sha256: blob.sha256,
    md5: blob.md5,
  }
}
