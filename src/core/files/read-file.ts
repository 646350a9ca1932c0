import { requireScope } from '../access/admit.ts'
import { isAtLeast } from '../access/keys.ts'
import type { Caller } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import type { FileId } from '../file-id.ts'
import type { Services } from '../services.ts'
import { traced } from '../trace.ts'
import { type FileRecord, type FileState, stateAt } from './file.ts'

/** Finds a file by any form of its id. Unknown, malformed, deleted, expired and foreign ids get the same error. */
const readIf = traced('readFile', readWhere)

async function readWhere(
  { metadata, clock, parseFileId }: Services,
  caller: Caller,
  idText: string,
  isThere: (file: FileRecord, state: FileState) => boolean,
  notFound = fileNotFound,
): Promise<FileRecord> {
  const id = parseFileId(idText)
  const file = id && (await metadata.findFile(id))
  if (file && mayMeet(caller, file) && isThere(file, stateAt(file, clock.now()))) return file
  throw notFound(idText)
}

/**
 * The stored files and the uploads that wait for their bytes, by any form of their ids, each under its own. What the caller does
 * not see and what is not there is left out.
 */
export async function readAllStoredOrPending(
  { metadata, clock, parseFileId }: Services,
  caller: Caller,
  idTexts: readonly string[],
): Promise<ReadonlyMap<FileId, FileRecord>> {
  const ids = idTexts.map(parseFileId).filter((id) => id !== undefined)
  const files = await metadata.listFilesById(ids)
  const isThere = (state: FileState) => state === 'stored' || state === 'pending'
  const met = files.filter((file) => mayMeet(caller, file) && isThere(stateAt(file, clock.now())))
  return new Map(met.map((file) => [file.id, file]))
}

function mayMeet(caller: Caller, file: FileRecord): boolean {
  return caller.projectIds.includes(file.projectId) && isVisibleTo(file, caller)
}

/**
 * For answers about a file that are repeated, also after its end.
 * @throws ServiceError `file-not-found` if the file is hidden from the caller
 */
export async function requireVisible(
  { metadata, parseFileId }: Services,
  caller: Caller,
  idText: string,
): Promise<void> {
  const id = parseFileId(idText)
  const file = id && (await metadata.findFile(id))
  if (file && !mayMeet(caller, file)) throw fileNotFound(idText)
}

/** Whether a file of a project that the caller may use is there for the caller. */
export function isVisibleTo(file: Pick<FileRecord, 'visibility' | 'createdBy'>, caller: Caller): boolean {
  return (
    file.visibility === 'project' || isAtLeast(caller.role, 'admin') || file.createdBy === caller.subject.id
  )
}

/**
 * The stored file that a client gave this name, of the first of the caller's projects that has one.
 * @throws ServiceError `file-not-found`
 */
export async function findByAlias(
  { metadata, clock }: Services,
  caller: Caller,
  alias: string,
): Promise<FileRecord> {
  const named = await metadata.listFilesByAlias(caller.projectIds, alias)
  const seen = named.filter((file) => stateAt(file, clock.now()) === 'stored' && isVisibleTo(file, caller))
  const found = caller.projectIds.map((id) => seen.find(({ projectId }) => projectId === id))
  const file = found.find((file) => file !== undefined)
  if (file === undefined) throw fileNotFound(alias)
  return file
}

/**
 * Whether this was a stored file, by any form of its id, that the caller could see and that ended by its expiry. Rows of ended
 * files stay, so it is known for good.
 */
export async function hasExpired(
  { metadata, clock, parseFileId }: Services,
  caller: Caller,
  idText: string,
): Promise<boolean> {
  const id = parseFileId(idText)
  const file = id && (await metadata.findFile(id))
  if (!file || file.storedAt === null || file.expiresAt === null || !mayMeet(caller, file)) return false
  // Whoever deletes a file does so before its end, and the job that catches up after it.
  const endedAt = file.state === 'deleted' ? file.updatedAt : clock.now()
  return stateAt(file, clock.now()) === 'deleted' && endedAt >= file.expiresAt
}

/** A file by any form of its id, in any state but deleted. @throws ServiceError `file-not-found` */
export function readFile(services: Services, caller: Caller, idText: string): Promise<FileRecord> {
  return readIf(services, caller, idText, (_file, state) => state !== 'deleted')
}

/** As `readFile`, for dialects that have no unfinished uploads. */
export function readStoredFile(services: Services, caller: Caller, idText: string): Promise<FileRecord> {
  return readIf(services, caller, idText, (_file, state) => state === 'stored')
}

/** As `readStoredFile`, and finds uploads of any kind that wait for their bytes. */
export function readStoredOrPending(services: Services, caller: Caller, idText: string): Promise<FileRecord> {
  return readIf(services, caller, idText, (_file, state) => state === 'stored' || state === 'pending')
}

/** As `readStoredFile`, and finds open uploads that wait for their bytes, but no uploads of parts. */
export function readStoredOrOpen(services: Services, caller: Caller, idText: string): Promise<FileRecord> {
  return readIf(services, caller, idText, (file, state) => {
    return (
      state === 'stored' || (state === 'pending' && file.uploadMaxBytes !== null && file.placedParts === null)
    )
  })
}

/** An upload whose bytes come as parts; once it is stored, the file that they made. */
export type PartsUpload = FileRecord & { readonly uploadMaxBytes: number; readonly placedParts: string }

/** In any state but deleted. @throws ServiceError `upload-not-found` */
export async function readPartsUpload(
  services: Services,
  caller: Caller,
  idText: string,
): Promise<PartsUpload> {
  const isThere = (file: FileRecord, state: FileState) => state !== 'deleted' && file.placedParts !== null
  return (await readIf(services, caller, idText, isThere, uploadNotFound)) as PartsUpload
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

function uploadNotFound(id: string): ServiceError {
  return new ServiceError('upload-not-found', 'There is no upload with this ID.', { id })
}
