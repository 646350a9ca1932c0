import { isStoreError, ServiceError } from '../errors.ts'
import { type FileRecord, noBytes, sameBytes } from '../files/file.ts'
import { uncount } from '../limits/quota.ts'
import type { Change } from '../ports/changes.ts'
import type { UpkeepServices } from '../services.ts'
import { finishUpload, isWhole } from '../uploads/finish-upload.ts'
import { releaseBytes } from '../uploads/receive-bytes.ts'
import { isOpenUpload } from '../uploads/receive-upload.ts'
import { BATCH, commitUnlessChanged, countDone } from './catch-up.ts'

/**
 * Catches up with the clock: uploads whose time is over become `expired`, files past their expiry `deleted`, and their
 * bytes are released. Readers need none of this: they compare with the clock themselves.
 * @returns how many files changed
 */
export async function expireFiles(services: UpkeepServices): Promise<number> {
  const { metadata, clock, policy } = services
  const now = clock.now()
  const lapsed = await metadata.listLapsedUploads(now, BATCH)
  const expired = await metadata.listExpiredFiles(now, BATCH)
  const end = (file: FileRecord, update: Change, graceMs?: number) =>
    commitUnlessChanged(services, [update, uncount(file), ...releaseBytes(services, file, graceMs)])
  const lapse = async (file: FileRecord) => {
    if (await finishLeft(services, file)) return true
    const guard = { state: 'pending', ...sameBytes(file) } as const
    const patch = { state: 'expired', ...noBytes, updatedAt: now } as const
    return end(file, { kind: 'file.update', id: file.id, guard, patch })
  }
  const expire = (file: FileRecord) => {
    const guard = { state: 'stored', expiresAt: file.expiresAt, ...sameBytes(file) } as const
    const patch = { state: 'deleted', ...noBytes, updatedAt: now } as const
    return end(file, { kind: 'file.update', id: file.id, guard, patch }, policy.downloadGraceMs)
  }
  return (await countDone(lapsed, lapse)) + (await countDone(expired, expire))
}

/** An open upload whose bytes have all come, but whose end was cut off by a crash, is stored. @returns false if it is not one */
async function finishLeft(services: UpkeepServices, file: FileRecord): Promise<boolean> {
  if (!isOpenUpload(file) || !isWhole(file)) return false
  try {
    await finishUpload(services, file)
    return true
  } catch (error) {
    // Not the announced bytes, or lost ones.
    if (error instanceof ServiceError || isStoreError(error, 'missing')) return false
    throw error
  }
}
