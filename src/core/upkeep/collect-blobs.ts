import type { ReleasedBlob } from '../ports/changes.ts'
import type { UpkeepServices } from '../services.ts'
import { BATCH, commitUnlessChanged, countDone } from './catch-up.ts'

/**
 * Removes bytes that no file points at and whose time has come, and a second time where a late write may have brought them
 * back; nothing while a backup copies bytes. The row goes last: after a crash the work is done again, and never forgotten.
 * @param releasedUntil see `listCollectableBlobs`
 * @returns how many blobs were removed
 */
export async function collectBlobs(services: UpkeepServices, releasedUntil?: number): Promise<number> {
  const now = services.clock.machineNow()
  const due = await services.metadata.listCollectableBlobs(now, BATCH, releasedUntil)
  // Asked after the list: a backup that begins later takes its picture later, and no file in that has these bytes.
  if (due.length === 0 || (await services.metadata.isCollectionHeld())) return 0
  return countDone(due, (blob) => collectBlob(services, blob))
}

/**
 * While the blob store is short of room: collects every released blob, whatever its time. A download that has begun goes on,
 * because it holds its bytes open.
 * @returns how many blobs were removed
 */
export async function makeRoom(services: UpkeepServices): Promise<number> {
  return (await services.blobs.isShort?.()) ? collectBlobs(services, Number.MAX_SAFE_INTEGER) : 0
}

async function collectBlob(services: UpkeepServices, { key, mayComeLate }: ReleasedBlob): Promise<boolean> {
  const { metadata, blobs, clock } = services
  // After this commit no upload can claim the key, so the delete below cannot race with a file becoming visible.
  if (!(await commitUnlessChanged(services, [{ kind: 'blob.collect', key }]))) return false
  await blobs.delete(key)
  const { lateWriteMs } = blobs
  if (!mayComeLate || lateWriteMs === undefined) await metadata.commit([{ kind: 'blob.forget', key }])
  else {
    const collectAfter = clock.machineNow() + lateWriteMs
    await metadata.commit([{ kind: 'blob.collect-again', key, collectAfter }])
  }
  return true
}
