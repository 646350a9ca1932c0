import type { Caller } from '../caller.ts'
import { commitWithinQuota } from '../limits/quota.ts'
import type { Change } from '../metadata-store.ts'
import type { Services } from '../services.ts'
import { discardBlob, type StagedBlob } from '../uploads/stage-blob.ts'
import { type ExpiryRule, startExpiry } from './expiry.ts'
import type { FileRecord } from './file.ts'
import { newFileId } from './file-id.ts'

/** Checked by the dialect: its own limits and names of fields apply. */
export interface CreateFile {
  /** One that the caller may use. */
  readonly projectId: string
  readonly name: string
  readonly mimeType: string
  readonly purpose: string | null
  readonly externalId: string | null
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
    await commitWithinQuota(services, [
      ...settle(file, blob),
      { kind: 'blob.claim', key: blob.key },
      { kind: 'file.insert', file },
    ])
    return file
  } catch (error) {
    await discardBlob(services, blob.key)
    throw error
  }
}

/** Counts what the file takes beyond what was reserved for it. */
function settle({ organizationId, projectId, sizeBytes }: FileRecord, { reserved }: StagedBlob): Change[] {
  const files = 1 - (reserved?.files ?? 0)
  const bytes = sizeBytes - (reserved?.bytes ?? 0)
  return files === 0 && bytes === 0
    ? []
    : [{ kind: 'usage.add', usage: { organizationId, projectId, files, bytes } }]
}

function fileOf(now: number, caller: Caller, input: CreateFile, blob: StagedBlob): FileRecord {
  const { expiry, ...given } = input
  return {
    ...given,
    id: newFileId(now),
    organizationId: caller.organizationId,
    sizeBytes: blob.sizeBytes,
    description: '',
    labels: {},
    createdBy: caller.subject.id,
    updatedBy: caller.subject.id,
    createdAt: now,
    updatedAt: now,
    state: 'stored',
    storedAt: now,
    uploadExpiresAt: null,
    writeOnce: false,
    ...startExpiry(expiry, now),
    blobKey: blob.key,
    blobSizeBytes: blob.sizeBytes,
    sha256: blob.sha256,
    md5: blob.md5,
  }
}
