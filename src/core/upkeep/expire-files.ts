import { isStoreError } from '../errors.ts'
import type { FileRecord } from '../files/file.ts'
import { uncount } from '../limits/quota.ts'
import type { Change } from '../ports/changes.ts'
import type { Services } from '../services.ts'

const BATCH = 200

/**
 * Catches up with the clock: uploads whose time is over become `expired`, files past their expiry `deleted`, and their
 * bytes are released. Readers need none of this: they compare with the clock themselves.
 * @returns how many files changed
 */
export async function expireFiles(services: Services): Promise<number> {
  const now = services.clock.now()
  const lapsed = await services.metadata.listLapsedUploads(now, BATCH)
  const expired = await services.metadata.listExpiredFiles(now, BATCH)
  const done = await Promise.all([
    ...lapsed.map((file) => commitUnlessChanged(services, lapse(services, file, now))),
    ...expired.map((file) => commitUnlessChanged(services, expire(services, file, now))),
  ])
  return done.filter(Boolean).length
}

function lapse(services: Services, file: FileRecord, now: number): Change[] {
  const guard = { state: 'pending', blobKey: file.blobKey } as const
  const patch = { state: 'expired', blobKey: null, updatedAt: now } as const
  return [{ kind: 'file.update', id: file.id, guard, patch }, uncount(file), ...releaseBytes(services, file)]
}

function expire(services: Services, file: FileRecord, now: number): Change[] {
  const guard = { state: 'stored', expiresAt: file.expiresAt } as const
  const patch = { state: 'deleted', blobKey: null, updatedAt: now } as const
  return [
    { kind: 'file.update', id: file.id, guard, patch },
    uncount(file),
    ...releaseBytes(services, file, services.policy.downloadGraceMs),
  ]
}

/**
 * The changes that give up a file's bytes, if it has any, which may be collected `afterMs` from now. Those that are young may
 * have been sent more than once, and the network may hold one of them back.
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

async function commitUnlessChanged({ metadata }: Services, changes: readonly Change[]): Promise<boolean> {
  try {
    await metadata.commit(changes)
    return true
  } catch (error) {
    if (isStoreError(error, 'conflict')) return false
    throw error
  }
}
