import { type TSchema, type TSchemaOptions, Type } from 'typebox'
import { MAX_NAME_CHARACTERS } from '../fields.ts'
import {
  externalId,
  furtherFields,
  furtherParts,
  orNull,
  PresignedUrl,
  scopeQuery,
  urlSeconds,
} from '../schemas.ts'
import type { LlamaCloudSettings } from '../settings.ts'
import { storageTypes } from './wire.ts'

/*
 * For the documentation and the answers' form. Requests are read by `requests.ts`, which tells all problems at once.
 */

const text = (description: string) => orNull(Type.String({ description }))
const time = orNull(Type.String({ format: 'date-time' }))
const optional = <T extends TSchema>(schema: T, options?: TSchemaOptions) =>
  Type.Optional(orNull(schema, options))
/** Taken, and neither kept nor shown. */
const ignored = optional(Type.Object({}, { additionalProperties: true }))
const storageType = optional(Type.String({ enum: [...storageTypes] }), {
  description: '`ephemeral` ends after 48 hours; by default a file stays.',
})
const name = Type.String({
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\u0000-\\u001f\\u007f-\\u009f/\\\\]$',
  maxLength: MAX_NAME_CHARACTERS,
  description: 'File name including extension; of a path, its last segment.',
})

export const FileBody = Type.Object({
  id: Type.String({ format: 'uuid' }),
  created_at: time,
  updated_at: time,
  name: Type.String(),
  external_file_id: Type.String({ description: 'Empty if there is none.' }),
  file_size: orNull(Type.Integer(), { description: 'Null until the bytes are there.' }),
  file_type: text('File extension (pdf, docx, png …).'),
  project_id: Type.String({ format: 'uuid' }),
  last_modified_at: time,
  resource_info: Type.Null(),
  permission_info: Type.Null(),
  data_source_id: Type.Null(),
  expires_at: time,
  purpose: text('As given through the beta version.'),
})

export const FileList = Type.Array(FileBody)

export const UploadQuery = Type.Object({
  external_file_id: Type.Optional(externalId),
  storage_type: Type.Optional(Type.String({ enum: [...storageTypes] })),
  ...scopeQuery,
})

export const UploadForm = Type.Object(
  {
    upload_file: Type.String({
      format: 'binary',
      minLength: 1,
      description: 'The file to upload, with a filename.',
    }),
  },
  furtherParts,
)

export const PresignQuery = Type.Object({
  expires_at_seconds: Type.Optional(urlSeconds),
  ...scopeQuery,
})

export function presignBody({ maxFileBytes, allowEmptyFiles }: LlamaCloudSettings) {
  return Type.Object(
    {
      name,
      external_file_id: optional(externalId),
      file_size: optional(Type.Integer({ minimum: allowEmptyFiles ? 0 : 1, maximum: maxFileBytes }), {
        description: 'Exactly this many bytes have to come. By default up to the largest file.',
      }),
      storage_type: storageType,
      last_modified_at: Type.Optional(text('Not kept.')),
      resource_info: ignored,
      permission_info: ignored,
      data_source_id: Type.Optional(text('Not kept: there are no data sources here.')),
    },
    furtherFields,
  )
}

export const UploadUrl = Type.Object({
  file_id: Type.String({ format: 'uuid' }),
  ...PresignedUrl.properties,
})

export const FromUrlBody = Type.Object({
  url: Type.String({
    format: 'uri',
    pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^@]+$',
    description: 'Of HTTPS, at a public address, without credentials.',
  }),
  name: optional(name, { description: 'By default as Content-Disposition says, else the end of the path.' }),
  external_file_id: optional(externalId),
  request_headers: optional(Type.Record(Type.String(), orNull(Type.String())), {
    description: 'Sent with the request; not those that say how a message travels.',
  }),
  follow_redirects: optional(Type.Boolean(), { default: true }),
  storage_type: storageType,
  resource_info: ignored,
  proxy_url: Type.Optional(Type.Null({ description: 'There is no proxy.' })),
  verify_ssl: optional(Type.Literal(true), { description: 'Certificates are always verified.' }),
})
