import type { FastifyRequest } from 'fastify'
import type { BodySize } from '../../core/body-size.ts'
import { defaultProject } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import type { UsageOf } from '../../core/metadata-store.ts'
import { discardBlob, type StagedBlob, stageBlob } from '../../core/uploads/stage-blob.ts'
import { receiveBody } from '../../http/body.ts'
import { HeadCapture } from '../../http/head-capture.ts'
import { readJsonWithContent } from '../../http/json-content.ts'
import { pacedBody } from '../../http/paced-body.ts'
import { SNIFF_BYTES, sniffType } from '../../http/sniff.ts'
import { CreateFileRequestSchema, type File } from './gen/files_pb.js'
import { readJson } from './json.ts'
import {
  type Context,
  contentMissing,
  contentTooLarge,
  createFile,
  planFile,
  resolveFolder,
} from './operations.ts'
import type { YandexSettings } from './settings.ts'
import { invalid } from './violations.ts'

const pace = { minBytesPerSecond: 1024, minRateWindowSeconds: 30 }
/** Base64 takes 4 characters for 3 bytes, and writers that escape slashes may double them; the rest of the body is small. */
const MAX_BODY_PER_CONTENT = 3
const MAX_OTHER_BYTES = 1024 * 1024

interface StagedContent {
  readonly blob: StagedBlob
  readonly sniffedType: string
}

/** Before a byte is read: nothing that is announced to be too large gets in. @throws InvalidArgument */
export function checkAnnouncement({ headers }: FastifyRequest, { maxFileBytes }: YandexSettings): void {
  const announced = Number(headers['content-length'] ?? 0)
  if (announced > maxFileBytes * MAX_BODY_PER_CONTENT + MAX_OTHER_BYTES)
    throw contentTooLarge(undefined, maxFileBytes)
}

/**
 * A Create whose content is decoded to the store while the rest of the body is still to come, keys in whatever order;
 * whatever is wrong, nothing of the file stays.
 * @throws InvalidArgument naming the fields; ServiceError as of `createFile`
 */
export async function receiveFile(context: Context, request: FastifyRequest): Promise<File> {
  const { services } = context
  let staged: StagedContent | undefined
  try {
    const { rest } = await readBody(context, request, async (content, before) => {
      staged = await stageContent(context, request, content, await reservation(context, request, before))
    })
    const plan = await planFile(context, request.caller, readJson(CreateFileRequestSchema, rest))
    if (staged === undefined) throw contentMissing()
    const content = staged
    // From here on it is `createFile` that gives the bytes up.
    staged = undefined
    return await createFile(context, request.caller, plan, content)
  } finally {
    if (staged) await discardBlob(services, staged.blob.key)
  }
}

/** A JSON body without content. @throws InvalidArgument if it has some */
export async function readSmallBody(request: FastifyRequest): Promise<Record<string, unknown>> {
  const options = { contentField: 'content', maxContentBytes: 0, maxOtherBytes: MAX_OTHER_BYTES }
  const { rest } = await readJsonWithContent(pacedBody(request.raw, pace), options, async () => {
    throw invalid('content', 'unknown field')
  })
  return rest
}

async function readBody(
  { settings: { maxFileBytes } }: Context,
  request: FastifyRequest,
  onContent: (content: AsyncIterable<Uint8Array>, before: Record<string, unknown>) => Promise<void>,
) {
  try {
    const options = { contentField: 'content', maxContentBytes: maxFileBytes, maxOtherBytes: MAX_OTHER_BYTES }
    return await readJsonWithContent(pacedBody(request.raw, pace), options, onContent)
  } catch (error) {
    const isTooLarge = error instanceof ServiceError && error.code === 'bytes-too-many'
    throw isTooLarge ? contentTooLarge(undefined, maxFileBytes) : error
  }
}

async function stageContent(
  { services, settings }: Context,
  { caller: { organizationId }, headers }: FastifyRequest,
  content: AsyncIterable<Uint8Array>,
  reserve: UsageOf | undefined,
): Promise<StagedContent> {
  const source = new HeadCapture(content, SNIFF_BYTES)
  const body = receiveBody(source, { maxBytes: settings.maxFileBytes, ...pace }, { md5: true })
  const size = sizeOf(headers, settings)
  const blob = await stageBlob(services, body, { organizationId, size, ...(reserve ? { reserve } : {}) })
  return { blob, sniffedType: await sniffType(source.head) }
}

/**
 * What is surely needed, on the account of the folder, if that is known by now: one file, and so much of the body that it
 * announces, less what may surround the content, as is content even with every character escaped. The rest is settled once
 * the bytes are there: an upload that fits is never refused for what it reserved.
 * @throws ServiceError `project-forbidden`
 */
async function reservation(
  { services }: Context,
  { caller, headers }: FastifyRequest,
  before: Record<string, unknown>,
): Promise<UsageOf | undefined> {
  const folder = before.folderId ?? before.folder_id
  const isNamed = typeof folder === 'string' && folder !== ''
  if (!isNamed && caller.projectIds.length > 1) return undefined
  const projectId = isNamed ? await resolveFolder(services, caller, folder) : defaultProject(caller)
  return { organizationId: caller.organizationId, projectId, files: 1, bytes: leastContentBytes(headers) }
}

function sizeOf(headers: FastifyRequest['headers'], { maxFileBytes }: YandexSettings): BodySize {
  // A body without a length is chunked.
  const bodyBytes = Number(headers['content-length'] ?? Number.POSITIVE_INFINITY)
  return { atLeast: leastContentBytes(headers), atMost: Math.min(maxFileBytes, bodyBytes) }
}

/** All that the body announces is content, but for the other fields, and every character of it is escaped. */
function leastContentBytes(headers: FastifyRequest['headers']): number {
  const announced = Number(headers['content-length'] ?? 0)
  return Math.max(0, Math.floor((announced - MAX_OTHER_BYTES) / MAX_BODY_PER_CONTENT))
}
