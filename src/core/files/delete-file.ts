import type { Caller } from '../caller.ts'
import { isStoreError } from '../errors.ts'
import { uncount } from '../limits/quota.ts'
import type { Services } from '../services.ts'
import { releaseBytes } from '../uploads/receive-bytes.ts'
import { stateAt } from './file.ts'
import { fileNotFound, readStoredFile, readStoredOrOpen } from './read-file.ts'

/**
 * Removes a stored file: from this moment every id and every link of it answers as if it had never been, in every
 * dialect. Its bytes go a little later.
 * @throws ServiceError `file-not-found`, also the second time
 */
export async function deleteFile(services: Services, caller: Caller, idText: string): Promise<void> {
  const file = await readStoredFile(services, caller, idText)
  const now = services.clock.now()
  const guard = { state: 'stored' } as const
  const patch = { state: 'deleted', blobKey: null, updatedAt: now, updatedBy: caller.subject.id } as const
  try {
    await services.metadata.commit([
      { kind: 'file.update', id: file.id, guard, patch },
      uncount(file),
      ...releaseBytes(services, file, services.policy.downloadGraceMs),
    ])
  } catch (error) {
    if (!isStoreError(error, 'conflict')) throw error
    throw fileNotFound(idText)
  }
}

/**
 * As `deleteFile`, where open uploads begin: one that waits for its bytes is cancelled.
 * @throws ServiceError `file-not-found`, also the second time
 */
export async function deleteStoredOrOpen(services: Services, caller: Caller, idText: string): Promise<void> {
  const file = await readStoredOrOpen(services, caller, idText)
  const now = services.clock.now()
  if (stateAt(file, now) !== 'pending') return deleteFile(services, caller, idText)
  const guard = { state: 'pending' } as const
  const patch = { state: 'cancelled', updatedAt: now, updatedBy: caller.subject.id } as const
  const update = { kind: 'file.update', id: file.id, guard, patch } as const
  try {
    await services.metadata.commit([update, uncount(file)])
  } catch (error) {
    if (!isStoreError(error, 'conflict')) throw error
    // Its bytes have come, or it has ended: there is no way back, so this looks again at most once more.
    await deleteStoredOrOpen(services, caller, idText)
  }
}
