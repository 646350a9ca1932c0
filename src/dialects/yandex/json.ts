import {
  create,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  ScalarType,
  toJson,
} from '@bufbuild/protobuf'
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt'
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import type { BodySize } from '../../core/incoming-body.ts'
import type { Holding } from '../../core/limits/fair-budget.ts'
import { pacedBody } from '../../intake/body-source.ts'
import { readJsonWithContent } from '../../intake/json-content/json-content.ts'
import {
  CreateFileRequestSchema,
  type File,
  type UpdateFileRequest,
  UpdateFileRequestSchema,
} from './gen/files_pb.js'
import { type Context, contentTooLarge, receiveFile } from './operations.ts'
import type { YandexSettings } from './settings.ts'
import { invalid, quote } from './violations.ts'

/** Base64 takes 4 characters for 3 bytes, and writers that escape slashes may double them; the rest of the body is small. */
const MAX_BODY_PER_CONTENT = 3
const MAX_OTHER_BYTES = 1024 * 1024

/** What stands in a path or a query: text, or several of them under one name. */
type Params = Readonly<Record<string, unknown>>

/**
 * A request from its proto3 JSON: keys in lowerCamelCase or snake_case, numbers also as text, null as absence.
 * @throws InvalidArgument naming the field; ServiceError `body-not-json` if it is no object
 */
export function readJson<Desc extends DescMessage>(schema: Desc, value: unknown): MessageShape<Desc> {
  requireObject(value)
  requireDecimals(schema, value, '')
  try {
    return fromJson(schema, value as JsonValue)
  } catch (error) {
    throw refusalOf(error as Error)
  }
}

/** An update from its body; the id in the path wins over one in the body. @throws InvalidArgument */
export function readUpdateJson(fileId: string, body: unknown): UpdateFileRequest {
  requireObject(body)
  // Its JSON form knows one spelling of paths, and the vendor's clients write both.
  const { updateMask, update_mask, fileId: _, file_id: __, ...rest } = body
  const request = readJson(UpdateFileRequestSchema, rest)
  if (updateMask !== undefined && update_mask !== undefined) throw invalid('update_mask', 'set twice')
  const mask = updateMask ?? update_mask ?? ''
  if (typeof mask !== 'string') throw invalid('update_mask', 'must be text with commas')
  request.fileId = fileId
  const paths = mask.split(',').filter((path) => path.trim() !== '')
  request.updateMask = create(FieldMaskSchema, { paths })
  return request
}

/** Before a byte is read: nothing that is announced to be too large gets in. @throws InvalidArgument */
export function checkAnnouncement(request: FastifyRequest, { maxFileBytes }: YandexSettings): void {
  if ((announcedBytes(request) ?? 0) > maxFileBytes * MAX_BODY_PER_CONTENT + MAX_OTHER_BYTES)
    throw contentTooLarge(undefined, maxFileBytes)
}

/** A Create in JSON, its content decoded on the way. @throws InvalidArgument; ServiceError as of `receiveFile` */
export function receiveJsonFile(context: Context, request: FastifyRequest): Promise<File> {
  const { maxFileBytes } = context.settings
  return receiveFile(context, request.caller, async (stage, memory) => {
    const rest = await readBody(request, maxFileBytes, memory, (bytes, before) =>
      stage({
        bytes,
        size: contentSize(request, maxFileBytes),
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
  return await readBody(request, 0, memory, async () => {
    throw invalid('content', 'unknown field')
  })
}

async function readBody(
  { raw }: FastifyRequest,
  maxContentBytes: number,
  memory: Holding,
  onContent: (content: AsyncIterable<Uint8Array>, before: Record<string, unknown>) => Promise<void>,
): Promise<Record<string, unknown>> {
  const options = { contentField: 'content', maxContentBytes, maxOtherBytes: MAX_OTHER_BYTES, memory }
  try {
    return (await readJsonWithContent(pacedBody(raw), options, onContent)).rest
  } catch (error) {
    const isTooLarge = error instanceof ServiceError && error.code === 'bytes-too-many'
    throw isTooLarge ? contentTooLarge(undefined, maxContentBytes) : error
  }
}

/**
 * At least so much of what is announced as is content even with every character escaped, less what may surround it: a quota
 * that fits the file is never refused for more.
 */
function contentSize(request: FastifyRequest, maxFileBytes: number): BodySize {
  const announced = announcedBytes(request)
  const leastBytes = Math.floor(((announced ?? 0) - MAX_OTHER_BYTES) / MAX_BODY_PER_CONTENT)
  return { atLeast: Math.max(0, leastBytes), atMost: Math.min(maxFileBytes, announced ?? maxFileBytes) }
}

/** Undefined: the body is chunked. */
function announcedBytes({ headers }: FastifyRequest): number | undefined {
  const length = headers['content-length']
  return length === undefined ? undefined : Number(length)
}

/**
 * A request from a query: the parameters of its fields in either spelling, each once; empty ones and others do not count.
 * @throws InvalidArgument naming the field
 */
export function readQuery<Desc extends DescMessage>(schema: Desc, query: Params): MessageShape<Desc> {
  const named = schema.fields.flatMap(({ name, jsonName }) => {
    const spellings = [...new Set([jsonName, name])]
    // Some clients write lists like `pageSize[]=1`: better told than taken for nothing.
    if (spellings.some((spelling) => Object.keys(query).some((key) => key.startsWith(`${spelling}[`))))
      throw invalid(name, 'must be one text')
    const values = spellings.map((spelling) => query[spelling]).filter((value) => value)
    if (values.length > 1 || Array.isArray(values[0])) throw invalid(name, 'set multiple times')
    return values.map((value) => [name, value])
  })
  return readJson(schema, Object.fromEntries(named))
}

/**
 * An answer with every field in it, also of the messages in its lists; a message that is not set is null, so that clients can
 * read it without looking first.
 */
export function printJson<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  { restFieldNames }: Pick<YandexSettings, 'restFieldNames'>,
): JsonValue {
  const useProtoFieldName = restFieldNames === 'snake'
  const printed = toJson(schema, message, { alwaysEmitImplicit: true, useProtoFieldName })
  return addUnset(schema, printed as JsonObject, useProtoFieldName)
}

/** Completes the library's own object, in place: a page has a thousand of them. */
function addUnset({ fields }: DescMessage, printed: JsonObject, isSnake: boolean): JsonObject {
  for (const field of fields) {
    const name = isSnake ? field.name : field.jsonName
    if (field.fieldKind === 'message') printed[name] ??= null
    if (field.fieldKind !== 'list' || field.message === undefined) continue
    for (const each of printed[name] as JsonObject[]) addUnset(field.message, each, isSnake)
  }
  return printed
}

/** The library takes whatever JavaScript takes for a whole number: hexadecimal, blanks, nothing at all. */
function requireDecimals(schema: DescMessage, value: Params, path: string): void {
  for (const field of schema.fields) {
    for (const given of [value[field.jsonName], value[field.name]]) {
      const isText = field.fieldKind === 'scalar' && field.scalar === ScalarType.INT64
      if (isText && typeof given === 'string' && !/^-?\d+$/.test(given))
        throw invalid(path + field.name, `${quote(given)} is not a whole number`)
      if (field.fieldKind === 'message' && typeof given === 'object' && given !== null)
        requireDecimals(field.message, given as Params, `${path}${field.name}.`)
    }
  }
}

function requireObject(value: unknown): asserts value is Params {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return
  throw new ServiceError('body-not-json', 'The body must be a JSON object')
}

const FIELD = /^cannot decode field ([\w.]+)\.(\w+) from JSON: (.*)$/s
const UNKNOWN_KEY = /^cannot decode message [\w.]+ from JSON: key "(.*)" is unknown$/s
const NO_CONFIG = /^cannot decode message [\w.]+\.ExpirationConfig from JSON: /
const ENUM = /^cannot decode enum [\w.]+ from JSON: (.*)$/s

/** The library tells what is wrong in a sentence of its own only. */
function refusalOf({ message }: Error): ServiceError {
  const [, type = '', field = '', reason = ''] = FIELD.exec(message) ?? []
  if (field !== '') {
    const path = type.endsWith('.ExpirationConfig') ? `expiration_config.${field}` : field
    return invalid(path, quote(reason))
  }
  const [, key] = UNKNOWN_KEY.exec(message) ?? []
  if (key !== undefined) return invalid(quote(key), 'unknown field')
  if (NO_CONFIG.test(message)) return invalid('expiration_config', 'must be an object')
  const [, policy] = ENUM.exec(message) ?? []
  if (policy !== undefined)
    return invalid('expiration_config.expiration_policy', `there is no policy ${quote(policy)}`)
  return new ServiceError('request-malformed', 'The body does not fit this request')
}
