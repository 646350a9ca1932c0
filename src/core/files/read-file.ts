import { requireScope } from '../access/admit.ts'
import type { Caller } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { type FileRecord, type FileState, stateAt } from './file.ts'

/** Finds a file by any form of its id. Unknown, malformed, deleted, expired and foreign ids get the same error. */
async function readIf(
  { metadata, clock, parseFileId }: Services,
  caller: Caller,
  idText: string,
  isThere: (file: FileRecord, state: FileState) => boolean,
): Promise<FileRecord> {
  const id = parseFileId(idText)
  const file = id && (await metadata.findFile(id))
  if (file && caller.projectIds.includes(file.projectId) && isThere(file, stateAt(file, clock.now())))
    return file
  throw fileNotFound(idText)
}

/** A file by any form of its id, in any state but deleted. @throws ServiceError `file-not-found` */
export function readFile(services: Services, caller: Caller, idText: string): Promise<FileRecord> {
  return readIf(services, caller, idText, (_file, state) => state !== 'deleted')
}

/** As `readFile`, for dialects that have no unfinished uploads. */
export function readStoredFile(services: Services, caller: Caller, idText: string): Promise<FileRecord> {
  return readIf(services, caller, idText, (_file, state) => state === 'stored')
}

/** As `readStoredFile`, and finds open uploads that wait for their bytes. */
export function readStoredOrOpen(services: Services, caller: Caller, idText: string): Promise<FileRecord> {
  return readIf(services, caller, idText, (file, state) => {
    return state === 'stored' || (state === 'pending' && file.uploadMaxBytes !== null)
  })
}

/**
 * For operations that answer with the file, can be repeated and ask for another scope than `files:read`: only the creator
 * and keys with that scope get the answer, or any scope would let its holder read.
 * @throws ServiceError `scope-missing`
 */
export function requireReader(caller: Caller, file: FileRecord): void {
  if (file.createdBy !== caller.subject.id) requireScope(caller, 'files:read')
}

/** @param id as the caller wrote it */
export function fileNotFound(id: string): ServiceError {
  return new ServiceError('file-not-found', 'There is no file with this ID.', { id })
}
