import type { Caller } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import { type FileState, type StateNames, stateAt } from '../files/file.ts'
import { type PartsUpload, readPartsUpload, requireReader } from '../files/read-file.ts'
import type { Services } from '../services.ts'
import { type CancelUpload, cancelUpload } from './cancel-upload.ts'

/**
 * Ends an upload of parts without a file; its parts are released. Repeating it answers the same, and so does one that has
 * expired.
 * @throws ServiceError `upload-not-found`, `scope-missing`; `state-conflict` if it is a file already
 */
export async function cancelPartsUpload(
  services: Services,
  caller: Caller,
  { id, stateNames }: CancelUpload,
): Promise<PartsUpload> {
  for (;;) {
    const upload = await readPartsUpload(services, caller, id)
    const state = stateAt(upload, services.clock.now())
    if (state !== 'pending') {
      requireReader(caller, upload)
      if (state === 'stored') throw uploadEnded(state, stateNames)
      return upload
    }
    try {
      return (await cancelUpload(services, caller, { id: upload.id, stateNames })) as PartsUpload
    } catch (error) {
      // It has ended meanwhile: look how.
      if (!(error instanceof ServiceError) || error.code !== 'state-conflict') throw error
    }
  }
}

/** An upload of parts that is over. */
export function uploadEnded(state: FileState, names: StateNames): ServiceError {
  const message = `The upload is ${names[state]}; only a ${names.pending} upload takes parts and can be completed or cancelled.`
  return new ServiceError('state-conflict', message)
}
