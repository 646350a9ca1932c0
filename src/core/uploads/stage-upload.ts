import { randomBytes } from 'node:crypto'
import type { BlobKey } from '../blob-store.ts'
import { DAY_MS } from '../clock.ts'
import { isStoreError, ServiceError } from '../errors.ts'
import { releaseBytes } from '../files/expire-files.ts'
import { type FileRecord, hasMoved, stateAt } from '../files/file.ts'
import type { Digests, IncomingBody } from '../incoming-body.ts'
import type { Services } from '../services.ts'

/** Longer than any request may last; a process that dies gives its blobs up when the next one starts. */
const WRITE_LEASE_MS = DAY_MS

/**
 * Receives the bytes of a pending upload, durably. They replace the ones staged before, unless the upload is write-once.
 * Nothing is visible until the upload is completed; on any failure nothing is kept.
 * @throws ServiceError `link-invalid` if the upload is over, `bytes-already-stored`, `storage-full`, and what `body` throws
 */
export async function stageUpload(
  services: Services,
  file: FileRecord,
  body: IncomingBody,
  signal?: AbortSignal,
): Promise<Digests> {
  await requireSpace(services, file.sizeBytes)
  const key = await intendBlob(services)
  try {
    await services.blobs.put(key, body, signal ? { signal } : {})
    const digests = await body.digests()
    await pointAt(services, file, key, digests)
    return digests
  } catch (error) {
    await giveUp(services, key)
    throw error
  }
}

async function requireSpace({ blobs }: Services, sizeBytes: number): Promise<void> {
  const free = await blobs.freeBytes()
  if (free !== undefined && free < sizeBytes)
    throw new ServiceError('storage-full', 'There is no space for this file.')
}

/** Makes a blob key known before its first byte is written, so that whatever a crash leaves behind is found again. */
export async function intendBlob({ metadata, clock }: Services): Promise<BlobKey> {
  const key = randomBytes(16).toString('hex')
  await metadata.commit([{ kind: 'blob.intend', blob: { key, collectAfter: clock.now() + WRITE_LEASE_MS } }])
  return key
}

/** Of several PUTs that end at once each replaces the one before: the last to commit is what a complete will see. */
async function pointAt(services: Services, asked: FileRecord, key: BlobKey, digests: Digests): Promise<void> {
  const { metadata, clock } = services
  const { sizeBytes: blobSizeBytes, sha256, md5 } = digests
  let file = asked
  for (;;) {
    const now = clock.now()
    if (stateAt(file, now) !== 'pending') throw uploadIsOver()
    if (file.writeOnce && file.blobKey !== null) throw bytesAlreadyStored()
    try {
      const guard = { state: 'pending', blobKey: file.blobKey } as const
      const patch = { blobKey: key, blobSizeBytes, sha256, md5, updatedAt: now }
      const update = { kind: 'file.update', id: file.id, guard, patch } as const
      await metadata.commit([{ kind: 'blob.claim', key }, update, ...releaseBytes(file, now)])
      return
    } catch (error) {
      if (!isStoreError(error, 'conflict')) throw error
      const current = await metadata.findFile(file.id)
      // If the file stands as it was, the blob's lease was lost.
      if (current === undefined || !hasMoved(file, current)) throw error
      file = current
    }
  }
}

async function giveUp({ metadata, clock }: Services, key: BlobKey): Promise<void> {
  const blob = { key, collectAfter: clock.now() }
  // If even this fails the lease does the same a day later, or the next start at once.
  await metadata.commit([{ kind: 'blob.release', blob }]).catch(() => undefined)
}

export function uploadIsOver(): ServiceError {
  return new ServiceError('link-invalid', 'This link is not valid, or the upload is over.')
}

export function bytesAlreadyStored(): ServiceError {
  return new ServiceError('bytes-already-stored', 'Bytes are already stored here and may not be overwritten.')
}
