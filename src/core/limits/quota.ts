import { isStoreError, ServiceError } from '../errors.ts'
import type { FileRecord } from '../files/file.ts'
import type { Change, UsageOf } from '../ports/changes.ts'
import type { Services } from '../services.ts'

/** Commits changes of which a `usage.add` may not fit. @throws ServiceError `quota-exceeded` */
export function commitWithinQuota(
  { metadata }: Pick<Services, 'metadata'>,
  changes: readonly Change[],
): Promise<void> {
  return metadata.commit(changes).catch((error) => {
    if (!isStoreError(error, 'conflict') || error.change !== 'usage.add') throw error
    throw new ServiceError('quota-exceeded', 'Storage quota exceeded for this organization or project.')
  })
}

export function isQuotaExceeded(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'quota-exceeded'
}

type Counted = Pick<FileRecord, 'organizationId' | 'projectId' | 'sizeBytes'>

/** What a pending or stored file counts. */
export function usageOf({ organizationId, projectId, sizeBytes }: Counted): UsageOf {
  return { organizationId, projectId, files: 1, bytes: sizeBytes }
}

/** The change that stops counting a file. */
export function uncount({ organizationId, projectId, sizeBytes }: Counted): Change {
  return { kind: 'usage.add', usage: { organizationId, projectId, files: -1, bytes: -sizeBytes } }
}
