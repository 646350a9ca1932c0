import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import { discardBlob, type StagedBlob, stageBlob } from '../../core/uploads/stage-blob.ts'
import { receiveBody } from '../../http/body.ts'
import { HeadCapture } from '../../http/head-capture.ts'
import { readJsonWithContent } from '../../http/json-content.ts'
import { pacedBody } from '../../http/paced-body.ts'
import { SNIFF_BYTES, sniffType } from '../../http/sniff.ts'
import { CreateFileRequestSchema, type File } from './gen/files_pb.js'
import { readJson } from './json.ts'
import { type Context, contentMissing, contentTooLarge, createFile, planFile } from './operations.ts'
import type { YandexSettings } from './settings.ts'
import { invalid } from './violations.ts'

const pace = { minBytesPerSecond: 1024, minRateWindowSeconds: 30 }
/** Base64 takes 4 characters for 3 bytes, and JSON may escape some of them; the rest of the body is small. */
const MAX_BODY_PER_CONTENT = 2
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
    const { rest } = await readBody(context, request, async (content) => {
      staged = await stageContent(context, request, content)
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
  onContent: (content: AsyncIterable<Uint8Array>) => Promise<void>,
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
  { headers }: FastifyRequest,
  content: AsyncIterable<Uint8Array>,
): Promise<StagedContent> {
  const source = new HeadCapture(content, SNIFF_BYTES)
  const body = receiveBody(source, { maxBytes: settings.maxFileBytes, ...pace }, { md5: true })
  const announcedBytes = Math.min(settings.maxFileBytes, Number(headers['content-length'] ?? 0))
  const blob = await stageBlob(services, body, { announcedBytes })
  return { blob, sniffedType: await sniffType(source.head) }
}
