import { isStoreError, ServiceError } from '../errors.ts'
import type { FileRecord } from '../files/file.ts'
import type { Change, UsageOf } from '../ports/changes.ts'

/** What a commit failed with, where a `usage.add` did not fit. @throws ServiceError `quota-exceeded`; else the error itself */
export function throwQuota(error: unknown): never {
  if (!isStoreError(error, 'conflict') || error.change !== 'usage.add') throw error
  throw new ServiceError('quota-exceeded', 'Storage quota exceeded for this organization or project.')
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
