import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { FILE_ID_FORMAT } from '../../http/operation.ts'
import { ExpirationConfig_ExpirationPolicySchema } from './gen/expiration_pb.js'
import { textSchemas, updatablePaths } from './messages.ts'
import { PAGE_TOKEN } from './paging.ts'
import type { YandexSettings } from './settings.ts'

// For the documentation alone: `json.ts` and `messages.ts` judge requests.

type JsonSchema = Readonly<Record<string, unknown>>

const text = { type: 'string' } as const
const someText = { type: 'string', minLength: 1 } as const
const fileId = { type: 'string', format: FILE_ID_FORMAT } as const

/** RFC 4648, 4, with padding or without, and something in it. */
const BASE64_PATTERN =
  '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw](==)?|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=?|[A-Za-z0-9+/]{4})$'
const MASK_PATH = updatablePaths
  .map((path) => path.replace('.', '\\.').replaceAll(/_(.)/g, (_match, letter) => letter.toUpperCase()))
  .join('|')

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

const only = (properties: JsonSchema, required: readonly string[]) => ({
  type: 'object',
  properties,
  required,
})

export const fileIdParams = only({ fileId }, ['fileId'])
export const endpointParams = only({ id: text }, ['id'])
export const getUrlQuery = only({ fileId }, ['fileId'])
export const listQuery = only(
  {
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
  },
  ['folderId'],
)

export function createBody(settings: YandexSettings): JsonSchema {
  const content = { type: 'string', contentEncoding: 'base64', pattern: BASE64_PATTERN }
  const { name, description, mimeType, labels } = textSchemas
  const expirationConfig = expirationSchema(settings)
  const properties = { folderId: someText, name, description, mimeType, content, labels, expirationConfig }
  return { ...only(properties, ['folderId', 'content']), additionalProperties: false }
}

export function updateBody(settings: YandexSettings): JsonSchema {
  const updateMask = {
    type: 'string',
    pattern: `^(${MASK_PATH})(,(${MASK_PATH}))*$`,
    description: 'Paths with commas: name,expirationConfig.ttlDays',
  }
  const { name, description, labels } = textSchemas
  const properties = { updateMask, name, description, expirationConfig: expirationSchema(settings), labels }
  return { ...only(properties, ['updateMask']), additionalProperties: false }
}

function expirationSchema({ maxTtlDays }: YandexSettings): JsonSchema {
  const policies = ExpirationConfig_ExpirationPolicySchema.values.map(({ name }) => name)
  const ttlDays = {
    type: 'integer',
    minimum: 0,
    maximum: maxTtlDays,
    description: 'As a number or as text; 0 is the default.',
  }
  const properties = { expirationPolicy: { type: 'string', enum: policies }, ttlDays }
  return { type: 'object', properties, additionalProperties: false }
}

/** An answer as `printJson` prints it, with every field in it. */
export function answerSchema(
  message: DescMessage,
  settings: Pick<YandexSettings, 'restFieldNames'>,
): JsonSchema {
  const nameOf = ({ name, jsonName }: DescField) => (settings.restFieldNames === 'snake' ? name : jsonName)
  const fields = message.fields.map((field) => [nameOf(field), fieldSchema(field, settings)])
  return only(Object.fromEntries(fields), message.fields.map(nameOf))
}

function fieldSchema(field: DescField, settings: Pick<YandexSettings, 'restFieldNames'>): JsonSchema {
  switch (field.fieldKind) {
    case 'map':
      return { type: 'object', additionalProperties: text }
    case 'list':
      return { type: 'array', items: field.message ? answerSchema(field.message, settings) : text }
    case 'enum':
      return { type: 'string', enum: field.enum.values.map(({ name }) => name) }
    case 'message': {
      const isTime = field.message.typeName === 'google.protobuf.Timestamp'
      if (isTime) return { type: ['string', 'null'], format: 'date-time' }
      return { ...answerSchema(field.message, settings), type: ['object', 'null'] }
    }
    default:
      return field.scalar === ScalarType.INT64 ? { ...text, format: 'int64' } : text
  }
}
