import type { Caller } from '../caller.ts'
import { isStoreError } from '../errors.ts'
import { uncount } from '../limits/quota.ts'
import type { Change, FilePatch } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import { releaseBytes } from '../uploads/receive-bytes.ts'
import { type FileRecord, noBytes, sameBytes, stateAt } from './file.ts'
import { readStoredFile, readStoredOrOpen, readStoredOrPending } from './read-file.ts'

/**
 * Removes a stored file: from now on its ids and links answer as if it had never existed, in every dialect. Its bytes
 * are removed later.
 * @returns the file as it was
 * @throws ServiceError `file-not-found`, also the second time
 */
export function deleteFile(services: Services, caller: Caller, idText: string): Promise<FileRecord> {
  return endFile(services, caller, idText, readStoredFile)
}

/** As `deleteFile`, where open uploads begin: one that waits for its bytes is cancelled. */
export function deleteStoredOrOpen(services: Services, caller: Caller, idText: string): Promise<FileRecord> {
  return endFile(services, caller, idText, readStoredOrOpen)
}

/** As `deleteFile`; an upload of any kind that waits for its bytes is cancelled. */
export function deleteStoredOrPending(
  services: Services,
  caller: Caller,
  idText: string,
): Promise<FileRecord> {
  return endFile(services, caller, idText, readStoredOrPending)
}

const endFile = traced('deleteFile', end)

async function end(
  services: Services,
  caller: Caller,
  idText: string,
  read: typeof readStoredFile,
): Promise<FileRecord> {
  const file = await read(services, caller, idText)
  try {
    await services.metadata.commit([...ending(services, caller, file), uncount(file)])
    return file
  } catch (error) {
    if (!isStoreError(error, 'conflict')) throw error
    // Its bytes have come or were joined, or it has ended.
    return await endFile(services, caller, idText, read)
  }
}

/** The changes that end a stored file or an upload, but for what it counts. */
export function ending(services: Services, caller: Caller, file: FileRecord): readonly Change[] {
  const now = services.clock.now()
  const isOpen = stateAt(file, now) === 'pending'
  const state = isOpen ? 'pending' : 'stored'
  const by = { updatedAt: now, updatedBy: caller.subject.id }
  const patch: FilePatch = { state: isOpen ? 'cancelled' : 'deleted', ...noBytes, ...by }
  const bytes = releaseBytes(services, file, isOpen ? 0 : services.policy.downloadGraceMs)
  return [{ kind: 'file.update', id: file.id, guard: { state, ...sameBytes(file) }, patch }, ...bytes]
}
