import type { FastifyRequest } from 'fastify'
import { defaultProject, resolveProject } from '../../core/access/admit.ts'
import type { Caller } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import { createFile } from '../../core/files/create-file.ts'
import type { BodySize } from '../../core/incoming-body.ts'
import type { Holding } from '../../core/limits/fair-budget.ts'
import type { BlobKey } from '../../core/ports/blob-store.ts'
import type { UsageOf } from '../../core/ports/changes.ts'
import type { Services } from '../../core/services.ts'
import { type ReceivedBytes, receive } from '../../core/uploads/receive-bytes.ts'
import { pacedBody, receiveBody } from '../../intake/body.ts'
import { readJsonWithContent } from '../../intake/json-content/json-content.ts'
import { HeadCapture } from '../../intake/sniff.ts'
import { type CreateFileRequest, CreateFileRequestSchema, type File } from './gen/files_pb.js'
import { readJson } from './json.ts'
import { readCreateRequest, toFile } from './messages.ts'
import type { Context } from './operations.ts'
import type { YandexSettings } from './settings.ts'
import { invalid, quote, REQUIRED } from './violations.ts'

/** Base64 takes 4 characters for 3 bytes, and writers that escape slashes may double them; the rest of the body is small. */
const MAX_BODY_PER_CONTENT = 3
const MAX_OTHER_BYTES = 1024 * 1024

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
    const body = receiveBody(
      head ?? bytes,
      limits,
      { md5: true },
      'kept',
      context.memory.open(organizationId),
    )
    received = owned.use(await receive(services, plan, body))
  }, memory)
  const { folder, mimeType, ...file } = readCreateRequest(request, context.settings)
  const projectId = await resolveFolder(services, caller, folder)
  if (received === undefined) throw contentMissing()
  // Who asked for the file would never know its id.
  if (signal?.aborted) throw new ServiceError('body-incomplete', 'The call ended before the file was stored.')
  if (received.digests.sizeBytes === 0) throw contentMissing()
  const type = mimeType ?? (await (head ?? (await storedHead(services, received.key))).type())
  const input = { ...file, projectId, mimeType: type, purpose: null, externalId: null }
  return toFile(await createFile(services, caller, input, received))
}

/** Of bytes whose type was told before them, and taken back behind them. */
async function storedHead({ blobs }: Services, key: BlobKey): Promise<HeadCapture> {
  const head = new HeadCapture(await blobs.open(key))
  const passing = head[Symbol.asyncIterator]()
  while (!(await passing.next()).done);
  return head
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

/** Before a byte is read: nothing that is announced to be too large gets in. @throws InvalidArgument */
export function checkAnnouncement({ headers }: FastifyRequest, { maxFileBytes }: YandexSettings): void {
  const announced = Number(headers['content-length'] ?? 0)
  if (announced > maxFileBytes * MAX_BODY_PER_CONTENT + MAX_OTHER_BYTES)
    throw contentTooLarge(undefined, maxFileBytes)
}

/** A Create in JSON, its content decoded on the way. @throws InvalidArgument; ServiceError as of `receiveFile` */
export function receiveJsonFile(context: Context, request: FastifyRequest): Promise<File> {
  return receiveFile(context, request.caller, async (stage, memory) => {
    const { rest } = await readBody(context, request, memory, (bytes, before) =>
      stage({
        bytes,
        size: sizeOf(request.headers, context.settings),
        folder: before.folderId ?? before.folder_id,
        mimeType: before.mimeType ?? before.mime_type,
      }),
    )
    return readJson(CreateFileRequestSchema, rest)
  })
}

/** A JSON body without content. @throws InvalidArgument if it has some */
export async function readSmallBody(request: FastifyRequest): Promise<Record<string, unknown>> {
  using memory = request.server.memory.open(request.caller.organizationId)
  const options = { contentField: 'content', maxContentBytes: 0, maxOtherBytes: MAX_OTHER_BYTES, memory }
  const { rest } = await readJsonWithContent(pacedBody(request.raw), options, async () => {
    throw invalid('content', 'unknown field')
  })
  return rest
}

async function readBody(
  { settings: { maxFileBytes } }: Context,
  request: FastifyRequest,
  memory: Holding,
  onContent: (content: AsyncIterable<Uint8Array>, before: Record<string, unknown>) => Promise<void>,
) {
  try {
    const bounds = { maxContentBytes: maxFileBytes, maxOtherBytes: MAX_OTHER_BYTES }
    const options = { contentField: 'content', ...bounds, memory }
    return await readJsonWithContent(pacedBody(request.raw), options, onContent)
  } catch (error) {
    const isTooLarge = error instanceof ServiceError && error.code === 'bytes-too-many'
    throw isTooLarge ? contentTooLarge(undefined, maxFileBytes) : error
  }
}

function sizeOf(headers: FastifyRequest['headers'], { maxFileBytes }: YandexSettings): BodySize {
  // A body without a length is chunked.
  const bodyBytes = Number(headers['content-length'] ?? Number.POSITIVE_INFINITY)
  return { atLeast: leastContentBytes(headers), atMost: Math.min(maxFileBytes, bodyBytes) }
}

/**
 * So much of what is announced as is content even with every character escaped, less what may surround it: a quota that
 * fits the file is never refused for more.
 */
function leastContentBytes(headers: FastifyRequest['headers']): number {
  const announced = Number(headers['content-length'] ?? 0)
  return Math.max(0, Math.floor((announced - MAX_OTHER_BYTES) / MAX_BODY_PER_CONTENT))
}
