import type { FileRecord } from '../files/file.ts'
import { uncount } from '../limits/quota.ts'
import type { Change } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { BATCH, commitUnlessChanged, countDone } from './catch-up.ts'

/**
 * Catches up with the clock: uploads whose time is over become `expired`, files past their expiry `deleted`, and their
 * bytes are released. Readers need none of this: they compare with the clock themselves.
 * @returns how many files changed
 */
export async function expireFiles(services: Services): Promise<number> {
  const { metadata, clock, policy } = services
  const now = clock.now()
  const lapsed = await metadata.listLapsedUploads(now, BATCH)
  const expired = await metadata.listExpiredFiles(now, BATCH)
  const end = (file: FileRecord, update: Change, graceMs?: number) =>
    commitUnlessChanged(services, [update, uncount(file), ...releaseBytes(services, file, graceMs)])
  const lapse = (file: FileRecord) => {
    const guard = { state: 'pending', blobKey: file.blobKey } as const
    const patch = { state: 'expired', blobKey: null, updatedAt: now } as const
    return end(file, { kind: 'file.update', id: file.id, guard, patch })
  }
  const expire = (file: FileRecord) => {
    const guard = { state: 'stored', expiresAt: file.expiresAt } as const
    const patch = { state: 'deleted', blobKey: null, updatedAt: now } as const
    return end(file, { kind: 'file.update', id: file.id, guard, patch }, policy.downloadGraceMs)
  }
  return (await countDone(lapsed, lapse)) + (await countDone(expired, expire))
}

/**
 * The changes that give up a file's bytes, if it has any, which may be collected `afterMs` from now. Young bytes may have been
 * sent more than once, and the network may hold one copy back.
 */
export function releaseBytes({ blobs, clock }: Services, file: FileRecord, afterMs = 0): Change[] {
  const { blobKey: key, storedAt } = file
  if (key === null) return []
  const collectAfter = clock.machineNow() + afterMs
  // Where the clock was set since, the two disagree on how old the bytes are: the younger age is the safe one.
  const ageMs = Math.min(clock.now(), clock.machineNow()) + afterMs - (storedAt ?? 0)
  const mayComeLate = storedAt === null || ageMs < (blobs.lateWriteMs ?? 0)
  return [{ kind: 'blob.release', blob: { key, collectAfter, mayComeLate } }]
}
