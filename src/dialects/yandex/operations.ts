import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { type Access, defaultProject, resolveProject } from '../../core/access/admit.ts'
import type { Caller } from '../../core/caller.ts'
import { type ErrorCode, ServiceError } from '../../core/errors.ts'
import { createFile } from '../../core/files/create-file.ts'
import { deleteFile as removeFile } from '../../core/files/delete-file.ts'
import { NEWEST_FIRST, pageFiles } from '../../core/files/page-files.ts'
import { readStoredFile } from '../../core/files/read-file.ts'
import { touchFile } from '../../core/files/touch-file.ts'
import { updateFile as changeFile } from '../../core/files/update-file.ts'
import type { BodySize } from '../../core/incoming-body.ts'
import type { FairBudget, Holding } from '../../core/limits/fair-budget.ts'
import { issueDownload } from '../../core/links/link.ts'
import type { UsageOf } from '../../core/ports/changes.ts'
import type { Services } from '../../core/services.ts'
import { type ReceivedBytes, receive } from '../../core/uploads/receive-bytes.ts'
import { receiveBody } from '../../intake/body.ts'
import { shownName } from '../../intake/file-type.ts'
import { HeadCapture } from '../../intake/sniff.ts'
import {
  type CreateFileRequest,
  DeleteFileResponseSchema,
  type File,
  FileSchema,
  FileService,
  GetFileUrlResponseSchema,
  ListFilesResponseSchema,
} from './gen/files_pb.js'
import { readCreateRequest, readFileId, readUpdateRequest, toFile } from './messages.ts'
import { printPageToken, readListRequest } from './paging.ts'
import type { YandexSettings } from './settings.ts'
import { invalid, quote, REQUIRED } from './violations.ts'

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

/** Bytes that come before the request that they belong to is known as a whole. */
export interface ContentOnItsWay {
  readonly bytes: AsyncIterable<Uint8Array>
  readonly size: BodySize
  /** As far as they were told before the content. */
  readonly folder: unknown
  readonly mimeType: unknown
}

/** Reads a request to its end; stages its content on the way, of which the last counts, and charges all else. */
export type ReadRequest = (
  stage: (content: ContentOnItsWay) => Promise<void>,
  memory: Holding,
) => Promise<CreateFileRequest>

/**
 * A Create whose content goes to the store while the rest of it is still to come, fields in whatever order; whatever is
 * wrong, nothing of the file stays.
 * @throws InvalidArgument naming the fields; ServiceError as of `createFile`, `body-incomplete` if nobody waits any more
 */
export async function receiveFile(
  context: Context,
  caller: Caller,
  read: ReadRequest,
  signal?: AbortSignal,
): Promise<File> {
  const { services } = context
  const { organizationId } = caller
  using memory = context.memory.open(organizationId)
  await using owned = new AsyncDisposableStack()
  let received: ReceivedBytes | undefined
  let head: HeadCapture | undefined
  const request = await read(async ({ bytes, size, folder, mimeType }) => {
    // Of several contents the last counts.
    await received?.[Symbol.asyncDispose]()
    received = undefined
    if (size.atMost === 0) return
    head = mimeType ? undefined : new HeadCapture(bytes)
    const plan = { organizationId, size, reserve: await reservation(context, caller, size, folder) }
    const limits = { maxBytes: context.settings.maxFileBytes }
    // The vendor's downloads have the MD5 as their ETag.
    const charged = context.memory.open(organizationId)
    const body = receiveBody(head ?? bytes, limits, { md5: true }, 'kept', charged)
    received = owned.use(await receive(services, plan, body))
  }, memory)
  const { folder, mimeType, ...file } = readCreateRequest(request, context.settings)
  const projectId = await resolveFolder(services, caller, folder)
  if (received === undefined) throw contentMissing()
  // Who asked for the file would never know its id.
  if (signal?.aborted) throw new ServiceError('body-incomplete', 'The call ended before the file was stored.')
  if (received.digests.sizeBytes === 0) throw contentMissing()
  // Without a head, the type was told before the bytes, and taken back behind them.
  const type = mimeType ?? (await (head ?? (await new HeadCapture(await received.open()).read())).type())
  const input = { ...file, projectId, mimeType: type, purpose: null, externalId: null }
  return toFile(await createFile(services, caller, input, received))
}

/**
 * What is surely needed, on the account of the folder, if that is known by now: one file, and the bytes that surely come.
 * The rest is settled once they are there: an upload that fits is never refused for what it reserved.
 * @throws ServiceError `project-forbidden`
 */
async function reservation(
  { services }: Context,
  caller: Caller,
  { atLeast }: BodySize,
  folder: unknown,
): Promise<UsageOf | undefined> {
  const isNamed = typeof folder === 'string' && folder !== ''
  if (!isNamed && caller.projectIds.length > 1) return undefined
  const projectId = isNamed ? await resolveFolder(services, caller, folder) : defaultProject(caller)
  return { organizationId: caller.organizationId, projectId, files: 1, bytes: atLeast }
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

function contentMissing(): ServiceError {
  return invalid('content', REQUIRED)
}

export function contentTooLarge(sizeBytes: number | undefined, maxBytes: number): ServiceError {
  const size = sizeBytes === undefined ? 'too many bytes' : `${sizeBytes} bytes`
  return invalid('content', `${size}, the maximum is ${maxBytes}`)
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
  const found = await pageFiles(services, caller, { ...page, projectId, filter: {}, withTotal: false })
  const files = withinBytes(found.items.map(toFile))
  const last = found.items[files.length - 1]
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
