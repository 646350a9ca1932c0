import { isStoreError } from '../errors.ts'
import type { ReleasedBlob } from '../metadata-store.ts'
import type { Services } from '../services.ts'

const BATCH = 200

/**
 * Removes bytes that no file points at and whose time has come; where more of them may turn up, once more when nothing can
 * be on its way any longer. The row goes last: a crash anywhere means doing it again, never forgetting it.
 * @returns how many blobs were removed
 */
export async function collectBlobs(services: Services): Promise<number> {
  const due = await services.metadata.listCollectableBlobs(services.clock.now(), BATCH)
  const done = await Promise.all(due.map((blob) => collectBlob(services, blob)))
  return done.filter(Boolean).length
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
  const again = isLast ? undefined : { key, collectAfter: clock.now() + lateWriteMs }
  await metadata.commit([again ? { kind: 'blob.collect-again', ...again } : { kind: 'blob.forget', key }])
  return true
}
