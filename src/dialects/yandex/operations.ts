import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import type { Access } from '../../core/access/admit.ts'
import type { Caller } from '../../core/caller.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { deleteFile as removeFile } from '../../core/files/delete-file.ts'
import { pageFiles } from '../../core/files/page-files.ts'
import { readStoredFile } from '../../core/files/read-file.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import { updateFile as changeFile } from '../../core/files/update-file.ts'
import type { FairBudget } from '../../core/limits/fair-budget.ts'
import { issueDownload } from '../../core/links/link.ts'
import type { Services } from '../../core/services.ts'
import { shownName } from '../../intake/file-type.ts'
import {
  DeleteFileResponseSchema,
  type File,
  FileSchema,
  FileService,
  GetFileUrlResponseSchema,
  ListFilesResponseSchema,
} from './gen/files_pb.js'
import { readFileId, readUpdateRequest, toFile } from './messages.ts'
import { NEWEST_FIRST, printPageToken, readListRequest } from './paging.ts'
import { resolveFolder } from './receive-file.ts'
import type { YandexSettings } from './settings.ts'

/** Clients take 4 MiB at most unless told otherwise. A page that would be larger ends early; its token leads on. */
const MAX_PAGE_BYTES = 3.5 * 1024 * 1024

/** What every operation works with. */
export interface Context {
  readonly services: Services
  /** What requests hold. */
  readonly memory: FairBudget
  readonly settings: YandexSettings
}

/** What a method asks of its caller, and what it refuses. */
interface Asks {
  readonly access: Access
  readonly failures: readonly ErrorCode[]
}

/** A method of the vendor's service, for REST and for gRPC. */
export interface Operation<I extends DescMessage, O extends DescMessage> {
  readonly method: DescMethodUnary<I, O>
  readonly asks: Asks
  readonly run: (context: Context, caller: Caller, request: MessageShape<I>) => Promise<MessageShape<O>>
}

function operation<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  asks: Asks,
  run: Operation<I, O>['run'],
): Operation<I, O> {
  return { method, asks, run }
}

const methods = FileService.method
/** Of a Create, which is no `Operation`: its message is not read as a whole. */
export const creates: Asks = {
  access: { scope: 'files:create', limit: 'write' },
  failures: ['field-missing', 'field-invalid', 'project-forbidden', 'quota-exceeded', 'storage-full'],
}
const reads: Asks = {
  access: { scope: 'files:read', limit: 'read' },
  failures: ['field-invalid', 'file-not-found'],
}
const updates: Asks = {
  access: { scope: 'files:update', limit: 'write' },
  failures: ['field-missing', 'field-invalid', 'file-not-found', 'storage-full'],
}
const deletes: Asks = {
  access: { scope: 'files:delete', limit: 'write' },
  failures: ['file-not-found', 'storage-full'],
}
const searches: Asks = {
  access: { scope: 'files:read', limit: 'search' },
  failures: ['field-invalid', 'project-forbidden'],
}

export const getFile = operation(methods.get, reads, async ({ services }, caller, request) => {
  const file = await readStoredFile(services, caller, readFileId(request))
  await touchFile(services, file, 'read')
  return toFile(file)
})

/** A URL that gives the bytes, as `mimeType` whatever it is, to whoever has it: for an hour, or as long as the file lives. */
export const getFileUrl = operation(methods.getUrl, reads, async (context, caller, request) => {
  const { services, settings } = context
  const file = await readStoredFile(services, caller, readFileId(request))
  await touchFile(services, file, 'download')
  const { url } = await issueDownload(services, file, shownName(file), settings.linkSeconds, 'declared')
  return create(GetFileUrlResponseSchema, { url })
})

export const updateFile = operation(methods.update, updates, async (context, caller, request) => {
  const { fileId, change } = readUpdateRequest(request, context.settings)
  return toFile(await changeFile(context.services, caller, fileId, change))
})

export const deleteFile = operation(methods.delete, deletes, async ({ services }, caller, request) => {
  await removeFile(services, caller, readFileId(request))
  return create(DeleteFileResponseSchema)
})

/**
 * Newest first. A page that has files has a token, the last one too: the vendor's SDK stops at an empty page alone, and
 * starts all over where a token is missing.
 */
export const listFiles = operation(methods.list, searches, async ({ services }, caller, request) => {
  const { folder, limit, after } = readListRequest(request)
  const projectId = await resolveFolder(services, caller, folder)
  const page = { order: NEWEST_FIRST, limit, ...(after === undefined ? {} : { after }) }
  const found = await pageFiles(services, { ...page, projectId, filter: {}, withTotal: false })
  const files = withinBytes(found.files.map(toFile))
  const last = found.files[files.length - 1]
  const nextPageToken = last === undefined ? '' : printPageToken(last)
  return create(ListFilesResponseSchema, { files, nextPageToken })
})

/** As many of the first files as fit, one at least. */
function withinBytes(files: readonly File[]): File[] {
  let bytes = 0
  const end = files.findIndex((file, index) => {
    bytes += toBinary(FileSchema, file).byteLength
    return index > 0 && bytes > MAX_PAGE_BYTES
  })
  return end < 0 ? [...files] : files.slice(0, end)
}
