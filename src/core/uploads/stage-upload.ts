import type { BlobKey } from '../blob-store.ts'
import { exactly } from '../body-size.ts'
import { isStoreError, ServiceError } from '../errors.ts'
import { releaseBytes } from '../files/expire-files.ts'
import { type FileRecord, stateAt } from '../files/file.ts'
import type { Digests, IncomingBody } from '../incoming-body.ts'
import type { Services } from '../services.ts'
import { announcedBody } from './announced-digest.ts'
import { discardBlob, stageBlob } from './stage-blob.ts'

/**
 * Receives the bytes of a pending upload, durably. They replace the ones staged before, unless the upload is write-once.
 * Nothing is visible until the upload is completed; on any failure nothing is kept.
 * @throws ServiceError `link-invalid` if the upload is over, `checksum-mismatch` if these are not the announced bytes,
 *   `bytes-already-stored`, `storage-full`, and what `body` throws
 */
export async function stageUpload(
  services: Services,
  file: FileRecord,
  body: IncomingBody,
): Promise<Digests> {
  const blob = await stageBlob(services, announcedBody(file, body), {
    organizationId: file.organizationId,
    size: exactly(file.sizeBytes),
  })
  try {
    await pointAt(services, file, blob.key, blob)
    return blob
  } catch (error) {
    await discardBlob(services, blob.key)
    throw error
  }
}

/** Of several PUTs that end at once each replaces the one before: the last to commit is what a complete will see. */
async function pointAt(services: Services, asked: FileRecord, key: BlobKey, digests: Digests): Promise<void> {
  const { metadata, clock } = services
  const { sizeBytes: blobSizeBytes, sha256, md5 } = digests
  for (let file: FileRecord | undefined = asked; ; file = await metadata.findFile(asked.id)) {
    const now = clock.now()
    if (file === undefined || stateAt(file, now) !== 'pending') throw uploadIsOver()
    if (file.writeOnce && file.blobKey !== null) throw bytesAlreadyStored()
    try {
      const guard = { state: 'pending', blobKey: file.blobKey } as const
      const patch = { blobKey: key, blobSizeBytes, sha256, md5, updatedAt: now }
      const update = { kind: 'file.update', id: file.id, guard, patch } as const
      await metadata.commit([{ kind: 'blob.claim', key }, update, ...releaseBytes(services, file)])
      return
    } catch (error) {
      // Another request on this upload was faster: look again. A lost lease on the blob is no such thing.
      if (!isStoreError(error, 'conflict') || error.change !== 'file.update') throw error
    }
  }
}

export function uploadIsOver(): ServiceError {
  return new ServiceError('link-invalid', 'This link is not valid, or the upload is over.')
}

export function bytesAlreadyStored(): ServiceError {
  return new ServiceError('bytes-already-stored', 'Bytes are already stored here and may not be overwritten.')
}
