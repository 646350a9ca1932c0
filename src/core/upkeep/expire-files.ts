import { isStoreError, ServiceError } from '../errors.ts'
import { type FileRecord, noBytes, sameBytes, stateAt } from '../files/file.ts'
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
  const { metadata, clock } = services
  const now = clock.now()
  const lapsed = await metadata.listLapsedUploads(now, BATCH)
  const expired = await metadata.listExpiredFiles(now, BATCH)
  const end = (file: FileRecord) => endOverdue(services, file)
  return (await countDone(lapsed, end)) + (await countDone(expired, end))
}

/** @returns whether the file changed; false also if its time is not over, or somebody else has changed it */
export async function endOverdue(services: UpkeepServices, file: FileRecord): Promise<boolean> {
  const now = services.clock.now()
  const state = stateAt(file, now)
  if (state === file.state) return false
  const end = (update: Change, graceMs?: number) =>
    commitUnlessChanged(services, [update, uncount(file), ...releaseBytes(services, file, graceMs)])
  if (state === 'expired') {
    if (await finishLeft(services, file)) return true
    const guard = { state: 'pending', ...sameBytes(file) } as const
    const patch = { state: 'expired', ...noBytes, updatedAt: now } as const
    return end({ kind: 'file.update', id: file.id, guard, patch })
  }
  const guard = { state: 'stored', expiresAt: file.expiresAt, ...sameBytes(file) } as const
  const patch = { state: 'deleted', ...noBytes, updatedAt: now } as const
  return end({ kind: 'file.update', id: file.id, guard, patch }, services.policy.downloadGraceMs)
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
