import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import type { BodySize } from '../../core/incoming-body.ts'
import type { Holding } from '../../core/limits/fair-budget.ts'
import { pacedBody } from '../../intake/body-source.ts'
import { readJsonWithContent } from '../../intake/json-content/json-content.ts'
import { CreateFileRequestSchema, type File } from './gen/files_pb.js'
import { readJson } from './json.ts'
import { type Context, contentTooLarge } from './operations.ts'
import { receiveFile } from './receive-file.ts'
import type { YandexSettings } from './settings.ts'
import { invalid } from './violations.ts'

/** Base64 takes 4 characters for 3 bytes, and writers that escape slashes may double them; the rest of the body is small. */
const MAX_BODY_PER_CONTENT = 3
const MAX_OTHER_BYTES = 1024 * 1024

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
