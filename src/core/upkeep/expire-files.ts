import { type FileRecord, noBytes, sameBytes } from '../files/file.ts'
import { uncount } from '../limits/quota.ts'
import type { Change } from '../ports/changes.ts'
import type { UpkeepServices } from '../services.ts'
import { releaseBytes } from '../uploads/receive-bytes.ts'
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
  const lapse = (file: FileRecord) => {
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
