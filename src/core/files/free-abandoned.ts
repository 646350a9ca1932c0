import { isStoreError } from '../errors.ts'
import type { Services } from '../services.ts'

const BATCH = 200

/**
 * Ends the leases of nodes that are no more: what was reserved for the blobs that they were receiving is given back, and the
 * bytes are collected once nothing can come late. From the commit on nobody can claim the blob, so that a node that was
 * taken for dead in error cannot use what is not counted any more.
 * @returns how many blobs were freed
 */
export async function freeAbandoned({ metadata, blobs, clock }: Services): Promise<number> {
  const abandoned = await metadata.listAbandonedBlobs(BATCH)
  const collectAfter = clock.now() + (blobs.lateWriteMs ?? 0)
  let freed = 0
  for (const { key } of abandoned) {
    try {
      await metadata.commit([
        { kind: 'blob.release', blob: { key, collectAfter, mayComeLate: true } },
        { kind: 'blob.collect', key },
      ])
      freed++
    } catch (error) {
      // A file points at it after all, or it is gone.
      if (!isStoreError(error, 'conflict')) throw error
    }
  }
  return freed
}
