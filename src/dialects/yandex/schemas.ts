import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { ApiEndpointSchema, ListApiEndpointsResponseSchema } from './gen/endpoint_pb.js'
import {
  CreateFileRequestSchema,
  DeleteFileResponseSchema,
  FileSchema,
  GetFileUrlResponseSchema,
  ListFilesResponseSchema,
  UpdateFileRequestSchema,
} from './gen/files_pb.js'
import type { YandexSettings } from './settings.ts'

// What the documentation says of requests and answers, read from the vendor's messages. Requests are judged by `json.ts`.

type JsonSchema = Readonly<Record<string, unknown>>
type Named = Pick<YandexSettings, 'restFieldNames'>

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
const failure = {
  description: 'Failure',
  type: 'object',
  properties: {
    code: { type: 'integer', description: 'A code of gRPC' },
    message: text,
    details: { type: 'array', items: { type: 'object', additionalProperties: true } },
  },
  required: ['code', 'message', 'details'],
} as const

const camel: Named = { restFieldNames: 'camel' }
const fileIdInPath = { type: 'object', properties: { fileId: text }, required: ['fileId'] } as const

/** The schema of each operation, for the description alone. */
export function operationSchemas(settings: Named) {
  const answers = (message: DescMessage) => ({
    response: {
      200: { description: 'Success', ...messageSchema(message, settings) },
      '4XX': failure,
      '5XX': failure,
    },
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
      body: requestSchema(CreateFileRequestSchema, ['folderId', 'content']),
      ...answers(FileSchema),
    },
    list: {
      ...file('File.List', 'List the files of a folder, newest first'),
      querystring: query({ folderId: text, pageSize: text, pageToken: text }, ['folderId']),
      ...answers(ListFilesResponseSchema),
    },
    getUrl: {
      ...file('File.GetUrl', 'Get a URL of the content'),
      querystring: query({ fileId: text }, ['fileId']),
      ...answers(GetFileUrlResponseSchema),
    },
    get: { ...file('File.Get', 'Get a file'), params: fileIdInPath, ...answers(FileSchema) },
    update: {
      ...file('File.Update', 'Update what the mask names'),
      params: fileIdInPath,
      body: requestSchema(UpdateFileRequestSchema, ['updateMask'], ['fileId']),
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
  required: readonly string[],
  elsewhere: readonly string[] = [],
): JsonSchema {
  const { properties, ...rest } = messageSchema(message, camel)
  const inBody = Object.entries(properties as object).filter(([name]) => !elsewhere.includes(name))
  return { ...rest, properties: Object.fromEntries(inBody), required, additionalProperties: false }
}

/** Every field, all of which an answer has. */
function messageSchema(message: DescMessage, { restFieldNames }: Named): JsonSchema {
  const nameOf = ({ name, jsonName }: DescField) => (restFieldNames === 'snake' ? name : jsonName)
  const fields = message.fields.map((field) => [nameOf(field), fieldSchema(field, { restFieldNames })])
  return {
    type: 'object',
    properties: Object.fromEntries(fields),
    required: message.fields.map(nameOf),
  }
}

function fieldSchema(field: DescField, named: Named): JsonSchema {
  switch (field.fieldKind) {
    case 'map':
      return MAP_OF_TEXTS
    case 'list':
      return { type: 'array', items: field.message ? messageSchema(field.message, named) : text }
    case 'enum':
      return { type: 'string', enum: field.enum.values.map(({ name }) => name) }
    case 'message':
      return wellKnown[field.message.typeName] ?? messageSchema(field.message, named)
    default:
      if (field.scalar === ScalarType.BYTES) return { ...text, contentEncoding: 'base64' }
      return field.scalar === ScalarType.INT64 ? { ...text, format: 'int64' } : text
  }
}
