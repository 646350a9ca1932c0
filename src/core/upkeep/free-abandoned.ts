import { isStoreError } from '../errors.ts'
import type { BlobKey } from '../ports/blob-store.ts'
import type { UnreferencedBlob } from '../ports/changes.ts'
import type { Services } from '../services.ts'

const BATCH = 200
/** Commits that wait at the same time share a flush. */
const AT_ONCE = 20

/**
 * Ends the leases of nodes that are no more: what was reserved for the blobs that they were receiving is given back, and the
 * bytes are collected once nothing can come late.
 * @returns how many blobs were freed
 */
export async function freeAbandoned(services: Services): Promise<number> {
  return freeAll(services, await services.metadata.listAbandonedBlobs(BATCH))
}

/**
 * The same for the leases of requests of this process that failed and could not give them back, because the database was
 * away or hung.
 */
export async function freeForsaken(services: Services): Promise<number> {
  return freeAll(services, await services.metadata.listForsakenBlobs(BATCH))
}

async function freeAll(services: Services, intended: readonly UnreferencedBlob[]): Promise<number> {
  let freed = 0
  for (let at = 0; at < intended.length; at += AT_ONCE) {
    const done = await Promise.all(intended.slice(at, at + AT_ONCE).map(({ key }) => free(services, key)))
    freed += done.filter(Boolean).length
  }
  return freed
}

/**
 * From the commit on nobody can claim the blob: neither a node that was taken for dead in error nor a commit that comes late
 * can use what is not counted any more.
 */
async function free({ metadata, blobs, clock }: Services, key: BlobKey): Promise<boolean> {
  const collectAfter = clock.machineNow() + (blobs.lateWriteMs ?? 0)
  try {
    await metadata.commit([
      { kind: 'blob.release', blob: { key, collectAfter, mayComeLate: true } },
      { kind: 'blob.collect', key },
    ])
    return true
  } catch (error) {
    // A file points at it after all, or it is gone.
    if (isStoreError(error, 'conflict')) return false
    throw error
  }
}
