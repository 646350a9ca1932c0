import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { FILE_ID_FORMAT } from '../openapi-operations.ts'
import { updatablePaths } from './field-mask.ts'
import { ApiEndpointSchema, ListApiEndpointsResponseSchema } from './gen/endpoint_pb.js'
import {
  CreateFileRequestSchema,
  DeleteFileResponseSchema,
  FileSchema,
  GetFileUrlResponseSchema,
  ListFilesResponseSchema,
  UpdateFileRequestSchema,
} from './gen/files_pb.js'
import { PAGE_TOKEN } from './paging.ts'
import type { YandexSettings } from './settings.ts'
import { textSchemas } from './text-limits.ts'

// What the documentation says of requests and answers, read from the vendor's messages. Requests are judged by `json.ts`.

type JsonSchema = Readonly<Record<string, unknown>>
type Named = Pick<YandexSettings, 'restFieldNames'>
type Bounds = Pick<YandexSettings, 'maxTtlDays'>

const text = { type: 'string' } as const
const MAP_OF_TEXTS = { type: 'object', additionalProperties: text } as const
/** Messages that JSON writes as text. */
const wellKnown: Readonly<Record<string, JsonSchema>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.FieldMask': {
    type: 'string',
    description: 'Paths with commas: name,expirationConfig.ttlDays',
  },
}

/** `google.rpc.Status`. */
export const errorBody = {
  type: 'object',
  properties: {
    code: { type: 'integer', description: 'A code of gRPC' },
    message: text,
    details: { type: 'array', items: { type: 'object', additionalProperties: true } },
  },
  required: ['code', 'message', 'details'],
} as const

const camel: Named = { restFieldNames: 'camel' }
const someText = { type: 'string', minLength: 1 } as const
const fileId = { type: 'string', format: FILE_ID_FORMAT } as const
const fileIdInPath = { type: 'object', properties: { fileId }, required: ['fileId'] } as const
const listQuery = {
  folderId: someText,
  pageSize: {
    type: 'integer',
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'More than 1000 counts as 1000, 0 as 100.',
  },
  pageToken: {
    type: 'string',
    pattern: PAGE_TOKEN.source,
    description: '`nextPageToken` of the page before.',
  },
} as const

/** RFC 4648, 4, with padding or without, and something in it. */
const BASE64_PATTERN =
  '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw](==)?|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=?|[A-Za-z0-9+/]{4})$'

/** What a request may say in a field, where the message knows no more than its type. Keys are the fields' names in JSON. */
function requestBounds({ maxTtlDays }: Bounds): JsonSchema {
  const path = updatablePaths
    .map((each) => each.replaceAll('.', '\\.'))
    .map(toCamel)
    .join('|')
  return {
    ...textSchemas,
    folderId: someText,
    content: { type: 'string', contentEncoding: 'base64', pattern: BASE64_PATTERN },
    ttlDays: {
      type: 'integer',
      minimum: 0,
      maximum: maxTtlDays,
      description: 'As a number or as text; 0 is the default.',
    },
    updateMask: {
      type: 'string',
      pattern: `^(${path})(,(${path}))*$`,
      description: 'Paths with commas: name,expirationConfig.ttlDays',
    },
  }
}

function toCamel(path: string): string {
  return path.replaceAll(/_(.)/g, (_match, letter: string) => letter.toUpperCase())
}

/** The schema of each operation, for the description alone. */
export function operationSchemas(settings: Named & Bounds) {
  const bounds = requestBounds(settings)
  const answers = (message: DescMessage) => ({
    response: { 200: messageSchema(message, settings) },
  })
  const file = (operationId: string, summary: string) => ({ tags: ['Files'], operationId, summary })
  const discovery = (operationId: string, summary: string) => ({
    tags: ['Discovery'],
    operationId,
    summary,
    security: [],
  })
  return {
    create: {
      ...file('File.Create', 'Create a file'),
      body: requestSchema(CreateFileRequestSchema, bounds, ['folderId', 'content']),
      ...answers(FileSchema),
    },
    list: {
      ...file('File.List', 'List the files of a folder, newest first'),
      querystring: query(listQuery, ['folderId']),
      ...answers(ListFilesResponseSchema),
    },
    getUrl: {
      ...file('File.GetUrl', 'Get a URL of the content'),
      querystring: query({ fileId }, ['fileId']),
      ...answers(GetFileUrlResponseSchema),
    },
    get: { ...file('File.Get', 'Get a file'), params: fileIdInPath, ...answers(FileSchema) },
    update: {
      ...file('File.Update', 'Update what the mask names'),
      params: fileIdInPath,
      body: requestSchema(UpdateFileRequestSchema, bounds, ['updateMask'], ['fileId']),
      ...answers(FileSchema),
    },
    delete: {
      ...file('File.Delete', 'Delete a file'),
      params: fileIdInPath,
      ...answers(DeleteFileResponseSchema),
    },
    endpoints: {
      ...discovery('ApiEndpoint.List', 'Where each service is'),
      ...answers(ListApiEndpointsResponseSchema),
    },
    endpoint: {
      ...discovery('ApiEndpoint.Get', 'Where a service is'),
      params: { type: 'object', properties: { id: text }, required: ['id'] },
      ...answers(ApiEndpointSchema),
    },
  } as const
}

function query(properties: JsonSchema, required: readonly string[]): JsonSchema {
  return { type: 'object', properties, required }
}

function requestSchema(
  message: DescMessage,
  bounds: JsonSchema,
  required: readonly string[],
  elsewhere: readonly string[] = [],
): JsonSchema {
  const { properties, ...rest } = messageSchema(message, { ...camel, bounds })
  const inBody = Object.entries(properties as object).filter(([name]) => !elsewhere.includes(name))
  return { ...rest, properties: Object.fromEntries(inBody), required }
}

interface Message extends Named {
  /** Of a request; undefined for an answer, which has every field. */
  readonly bounds?: JsonSchema | undefined
}

function messageSchema(message: DescMessage, { restFieldNames, bounds }: Message): JsonSchema {
  const nameOf = ({ name, jsonName }: DescField) => (restFieldNames === 'snake' ? name : jsonName)
  const fields = message.fields.map((field) => [
    nameOf(field),
    fieldSchema(field, { restFieldNames, bounds }),
  ])
  const names = message.fields.map(nameOf)
  return {
    type: 'object',
    properties: Object.fromEntries(fields),
    ...(bounds === undefined ? { required: names } : { additionalProperties: false }),
  }
}

function fieldSchema(field: DescField, named: Message): JsonSchema {
  const bounded = named.bounds?.[field.jsonName]
  if (bounded !== undefined) return bounded as JsonSchema
  switch (field.fieldKind) {
    case 'map':
      return MAP_OF_TEXTS
    case 'list':
      return { type: 'array', items: field.message ? messageSchema(field.message, named) : text }
    case 'enum':
      return { type: 'string', enum: field.enum.values.map(({ name }) => name) }
    case 'message': {
      const schema = wellKnown[field.message.typeName] ?? messageSchema(field.message, named)
      // Set or not: an answer has it.
      return named.bounds === undefined ? { ...schema, type: [schema.type, 'null'] } : schema
    }
    default:
      if (field.scalar === ScalarType.BYTES) return { ...text, contentEncoding: 'base64' }
      return field.scalar === ScalarType.INT64 ? { ...text, format: 'int64' } : text
  }
}
