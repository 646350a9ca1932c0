import { isStoreError } from '../errors.ts'
import type { ReleasedBlob } from '../ports/changes.ts'
import type { Services } from '../services.ts'

const BATCH = 200
/** A bucket is asked a few times for each. */
const AT_ONCE = 20

/**
 * Removes bytes that no file points at and whose time has come; where more of them may turn up, once more when nothing can
 * be on its way any longer. The row goes last: a crash anywhere means doing it again, never forgetting it.
 * @returns how many blobs were removed
 */
export async function collectBlobs(services: Services): Promise<number> {
  return collectDue(services)
}

/**
 * While the store of the bytes is short of room: all that nobody writes any more, whatever its time. A download that has
 * begun goes on, for it keeps its bytes until it ends.
 * @returns how many blobs were removed
 */
export async function makeRoom(services: Services): Promise<number> {
  if (!(await services.blobs.isShort?.())) return 0
  return collectDue(services, Number.MAX_SAFE_INTEGER)
}

async function collectDue(services: Services, releasedUntil?: number): Promise<number> {
  const now = services.clock.machineNow()
  const due = await services.metadata.listCollectableBlobs(now, BATCH, releasedUntil)
  let removed = 0
  for (let at = 0; at < due.length; at += AT_ONCE) {
    const done = await Promise.all(due.slice(at, at + AT_ONCE).map((blob) => collectBlob(services, blob)))
    removed += done.filter(Boolean).length
  }
  return removed
}

async function collectBlob(
  { metadata, blobs, clock }: Services,
  { key, mayComeLate }: ReleasedBlob,
): Promise<boolean> {
  try {
    // After this commit no upload can claim the key, so the delete below cannot race with a file becoming visible.
    await metadata.commit([{ kind: 'blob.collect', key }])
  } catch (error) {
    if (isStoreError(error, 'conflict')) return false
    throw error
  }
  await blobs.delete(key)
  const { lateWriteMs } = blobs
  const isLast = !mayComeLate || lateWriteMs === undefined
  const again = isLast ? undefined : { key, collectAfter: clock.machineNow() + lateWriteMs }
  await metadata.commit([again ? { kind: 'blob.collect-again', ...again } : { kind: 'blob.forget', key }])
  return true
}
