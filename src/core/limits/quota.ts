import { isStoreError, ServiceError } from '../errors.ts'
import type { FileRecord } from '../files/file.ts'
import type { Change, UsageOf } from '../ports/changes.ts'
import type { Services } from '../services.ts'

/** What a commit failed with, where a `usage.add` did not fit. @throws ServiceError `quota-exceeded`; else the error itself */
export function throwQuota(error: unknown): never {
  if (!isStoreError(error, 'conflict') || error.change !== 'usage.add') throw error
  throw quotaExceeded()
}

export function quotaExceeded(): ServiceError {
  return new ServiceError('quota-exceeded', 'Storage quota exceeded for this organization or project.')
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

/** How many bytes the quotas of the file's project and organization leave now; infinite without quotas. */
export async function quotaLeft({ metadata }: Pick<Services, 'metadata'>, file: Counted): Promise<number> {
  const { organizationId, projectId } = file
  const holders = [
    { holder: 'organization', found: await metadata.findOrganization(organizationId) },
    { holder: 'project', found: await metadata.findProject(organizationId, projectId) },
  ] as const
  let left = Number.POSITIVE_INFINITY
  for (const { holder, found } of holders) {
    if (!found || found.quotaBytes === null) continue
    const { bytes } = await metadata.usage(holder, found.id)
    left = Math.min(left, Math.max(0, found.quotaBytes - bytes))
  }
  return left
}
