import type { UnreferencedBlob } from '../ports/changes.ts'
import type { UpkeepServices } from '../services.ts'
import { BATCH, commitUnlessChanged, countDone } from './catch-up.ts'

/**
 * Ends the leases of dead nodes: returns what was reserved for the blobs that they were receiving. The bytes are collected
 * once nothing can come late.
 * @returns how many blobs were freed
 */
export async function freeAbandoned(services: UpkeepServices): Promise<number> {
  return freeAll(services, await services.metadata.listAbandonedBlobs(BATCH))
}

/** The same for failed requests of this process that could not end their leases, because the database was away or hung. */
export async function freeForsaken(services: UpkeepServices): Promise<number> {
  return freeAll(services, await services.metadata.listForsakenBlobs(BATCH))
}

/**
 * After the commit nobody can claim the blob, so neither a node that is alive after all nor a late commit can use bytes that
 * are no longer counted.
 */
function freeAll(services: UpkeepServices, intended: readonly UnreferencedBlob[]): Promise<number> {
  const { blobs, clock } = services
  return countDone(intended, ({ key }) => {
    const collectAfter = clock.machineNow() + (blobs.lateWriteMs ?? 0)
    return commitUnlessChanged(services, [
      { kind: 'blob.release', blob: { key, collectAfter, mayComeLate: true } },
      { kind: 'blob.collect', key },
    ])
  })
}
