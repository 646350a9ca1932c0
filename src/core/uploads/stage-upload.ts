import { exactly } from '../body-size.ts'
import { isStoreError, ServiceError } from '../errors.ts'
import { type FileRecord, stateAt } from '../files/file.ts'
import type { Digests, IncomingBody } from '../incoming-body.ts'
import type { Services } from '../services.ts'
import { releaseBytes } from '../upkeep/expire-files.ts'
import { announcedBody } from './announced-digest.ts'
import { discardBlob, type StagedBlob, stageBlob } from './stage-blob.ts'

/** The bytes of a PUT, and its conditions. */
export interface StagingUpload {
  readonly body: IncomingBody
  /** Throws if what is staged at that moment may not be replaced; asked again for what another PUT has staged meanwhile. */
  readonly requireReplaceable: (staged: FileRecord) => void
}

/**
 * Receives the bytes of a pending upload, durably. They replace the ones staged before, unless the upload is write-once.
 * Nothing is visible until the upload is completed; on any failure nothing is kept.
 * @throws ServiceError `link-invalid` if the upload is over, `checksum-mismatch` if these are not the announced bytes,
 *   `bytes-already-stored`, `storage-full`, and what `body` and `requireReplaceable` throw
 */
export async function stageUpload(
  services: Services,
  file: FileRecord,
  { body, requireReplaceable }: StagingUpload,
): Promise<Digests> {
  const blob = await stageBlob(services, announcedBody(file, body), {
    organizationId: file.organizationId,
    size: exactly(file.sizeBytes),
  })
  try {
    await pointAt(services, file, blob, requireReplaceable)
    return blob
  } catch (error) {
    await discardBlob(services, blob.key)
    throw error
  }
}

/** Of several PUTs that end at once each replaces the one before: the last to commit is what a complete will see. */
async function pointAt(
  services: Services,
  asked: FileRecord,
  blob: StagedBlob,
  requireReplaceable: StagingUpload['requireReplaceable'],
): Promise<void> {
  const { metadata, clock } = services
  const { key, sizeBytes: blobSizeBytes, sha256, md5 } = blob
  for (let file: FileRecord | undefined = asked; ; file = await metadata.findFile(asked.id)) {
    const now = clock.now()
    if (file === undefined || stateAt(file, now) !== 'pending') throw uploadIsOver()
    if (file.writeOnce && file.blobKey !== null) throw bytesAlreadyStored()
    requireReplaceable(file)
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
