import { isStoreError } from '../errors.ts'
import type { Services } from '../services.ts'

const BATCH = 200

/**
 * Removes bytes that no file points at and whose time has come. The row goes last: a crash anywhere means doing it
 * again, never forgetting it.
 * @returns how many blobs were removed
 */
export async function collectBlobs(services: Services): Promise<number> {
  const due = await services.metadata.listCollectableBlobs(services.clock.now(), BATCH)
  const done = await Promise.all(due.map(({ key }) => collectBlob(services, key)))
  return done.filter(Boolean).length
}

async function collectBlob({ metadata, blobs }: Services, key: string): Promise<boolean> {
  try {
    // After this commit no upload can claim the key, so the delete below cannot race with a file becoming visible.
    await metadata.commit([{ kind: 'blob.collect', key }])
  } catch (error) {
    if (isStoreError(error, 'conflict')) return false
    throw error
  }
  await blobs.delete(key)
  await metadata.commit([{ kind: 'blob.forget', key }])
  return true
}
