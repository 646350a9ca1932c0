import { create, toBinary } from '@bufbuild/protobuf'
import { resolveProject } from '../../core/access/project-access.ts'
import type { Caller } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import { createFile as storeFile } from '../../core/files/create-file.ts'
import { deleteFile as removeFile } from '../../core/files/delete-file.ts'
import { pageFiles } from '../../core/files/page-files.ts'
import { readStoredFile } from '../../core/files/read-file.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import { updateFile as changeFile } from '../../core/files/update-file.ts'
import type { FairBudget } from '../../core/limits/fair-budget.ts'
import { issueLink } from '../../core/links/link.ts'
import { SECOND_MS } from '../../core/ports/clock.ts'
import type { Services } from '../../core/services.ts'
import type { ReceivedBytes } from '../../core/uploads/receive-bytes.ts'
import { shownName } from '../../intake/file-type.ts'
import {
  type CreateFileRequest,
  type DeleteFileRequest,
  type DeleteFileResponse,
  DeleteFileResponseSchema,
  type File,
  FileSchema,
  type GetFileRequest,
  type GetFileUrlRequest,
  type GetFileUrlResponse,
  GetFileUrlResponseSchema,
  type ListFilesRequest,
  type ListFilesResponse,
  ListFilesResponseSchema,
  type UpdateFileRequest,
} from './gen/files_pb.js'
import { NEWEST_FIRST, printPageToken } from './paging.ts'
import {
  type CreateRequest,
  readCreateRequest,
  readFileId,
  readListRequest,
  readUpdateRequest,
} from './requests.ts'
import type { YandexSettings } from './settings.ts'
import { invalid, quote } from './violations.ts'
import { toFile } from './wire.ts'

/** Clients take 4 MiB at most unless told otherwise. A page that would be larger ends early; its token leads on. */
const MAX_PAGE_BYTES = 3.5 * 1024 * 1024

/** What every operation works with. */
export interface Context {
  readonly services: Services
  /** What requests hold. */
  readonly memory: FairBudget
  readonly settings: YandexSettings
}

/** A file to come, of which all is known but the bytes. */
export interface PlannedFile extends CreateRequest {
  readonly projectId: string
}

/** What can be judged of a Create without its content. @throws InvalidArgument; ServiceError `project-forbidden` */
export async function planFile(
  { services, settings }: Context,
  caller: Caller,
  request: CreateFileRequest,
): Promise<PlannedFile> {
  const read = readCreateRequest(request, settings)
  return { ...read, projectId: await resolveFolder(services, caller, read.folder) }
}

/** Makes the received content the planned file. @throws InvalidArgument if it is empty */
export async function createFile(
  { services }: Context,
  caller: Caller,
  { projectId, name, description, mimeType, labels, expiry }: PlannedFile,
  received: ReceivedBytes,
  sniffedType: string,
): Promise<File> {
  if (received.digests.sizeBytes === 0) throw contentMissing()
  const input = { projectId, name, description, mimeType: mimeType ?? sniffedType, labels, expiry }
  return toFile(await storeFile(services, caller, { ...input, purpose: null, externalId: null }, received))
}

export function contentMissing(): ServiceError {
  return invalid('content', 'field is required')
}

export function contentTooLarge(sizeBytes: number | undefined, maxBytes: number): ServiceError {
  const size = sizeBytes === undefined ? 'too many bytes' : `${sizeBytes} bytes`
  return invalid('content', `${size}, the maximum is ${maxBytes}`)
}

export async function getFile(
  { services }: Context,
  caller: Caller,
  request: Pick<GetFileRequest, 'fileId'>,
): Promise<File> {
  const file = await readStoredFile(services, caller, readFileId(request))
  await touchFile(services, file, 'read')
  return toFile(file)
}

/** A URL that gives the bytes, as `mimeType` whatever it is, to whoever has it: for an hour, or as long as the file lives. */
export async function getFileUrl(
  { services, settings }: Context,
  caller: Caller,
  request: Pick<GetFileUrlRequest, 'fileId'>,
): Promise<GetFileUrlResponse> {
  const file = await readStoredFile(services, caller, readFileId(request))
  await touchFile(services, file, 'download')
  const end = services.clock.now() + settings.linkSeconds * SECOND_MS
  const named = { ...file, name: shownName(file) }
  const { url } = await issueLink(services, 'GET', named, Math.min(end, file.expiresAt ?? end), 'declared')
  return create(GetFileUrlResponseSchema, { url })
}

export async function updateFile(
  { services, settings }: Context,
  caller: Caller,
  request: UpdateFileRequest,
): Promise<File> {
  const { fileId, change } = readUpdateRequest(request, settings)
  return toFile(await changeFile(services, caller, fileId, change))
}

export async function deleteFile(
  { services }: Context,
  caller: Caller,
  request: Pick<DeleteFileRequest, 'fileId'>,
): Promise<DeleteFileResponse> {
  await removeFile(services, caller, readFileId(request))
  return create(DeleteFileResponseSchema)
}

/**
 * Newest first. A page that has files has a token, the last one too: the vendor's SDK stops at an empty page alone, and
 * starts all over where a token is missing.
 */
export async function listFiles(
  { services }: Context,
  caller: Caller,
  request: ListFilesRequest,
): Promise<ListFilesResponse> {
  const { folder, limit, after } = readListRequest(request)
  const projectId = await resolveFolder(services, caller, folder)
  const page = { order: NEWEST_FIRST, limit, ...(after === undefined ? {} : { after }) }
  const found = await pageFiles(services, { ...page, projectId, filter: {}, withTotal: false })
  const files = withinBytes(found.files.map(toFile))
  const last = found.files[files.length - 1]
  const nextPageToken = last === undefined ? '' : printPageToken(last)
  return create(ListFilesResponseSchema, { files, nextPageToken })
}

/** As many of the first files as fit, one at least. */
function withinBytes(files: readonly File[]): File[] {
  let bytes = 0
  const end = files.findIndex((file, index) => {
    bytes += toBinary(FileSchema, file).byteLength
    return index > 0 && bytes > MAX_PAGE_BYTES
  })
  return end < 0 ? [...files] : files.slice(0, end)
}

/** The project that a folder is, by its id or its slug. @throws ServiceError `project-forbidden` */
export async function resolveFolder(services: Services, caller: Caller, folder: string): Promise<string> {
  try {
    return await resolveProject(services, caller, { project: folder, organization: undefined })
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'project-forbidden') throw error
    throw new ServiceError('project-forbidden', `Permission denied for folder ${quote(folder)}`)
  }
}
