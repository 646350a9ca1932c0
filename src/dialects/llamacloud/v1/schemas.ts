import { Type } from 'typebox'
import { PresignedUrl, scopeQuery } from '../schemas.ts'
import { storageTypes } from './requests.ts'

/*
 * For the documentation and the answers' form. Requests are read by `requests.ts`, which tells all problems at once.
 */

const text = (description: string) => Type.Union([Type.String({ description }), Type.Null()])
const optionalText = (description: string) => Type.Optional(text(description))
const time = Type.Union([Type.String({ format: 'date-time' }), Type.Null()])
/** Taken, and neither kept nor shown. */
const ignored = Type.Optional(Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()]))
const storageType = Type.Optional(
  Type.Union([Type.String({ enum: [...storageTypes] }), Type.Null()], {
    description: '`ephemeral` ends after 48 hours; by default a file stays.',
  }),
)
const name = Type.String({ minLength: 1, maxLength: 3000, description: 'File name including extension.' })

export const FileBody = Type.Object({
  id: Type.String({ format: 'uuid' }),
  created_at: time,
  updated_at: time,
  name: Type.String(),
  external_file_id: Type.String({ description: 'Empty if there is none.' }),
  file_size: Type.Union([Type.Integer(), Type.Null()], { description: 'Null until the bytes are there.' }),
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
  external_file_id: Type.Optional(Type.String({ description: 'The ID of the file in another system.' })),
  storage_type: Type.Optional(Type.String({ enum: [...storageTypes] })),
  ...scopeQuery,
})

export const UploadForm = Type.Object({
  upload_file: Type.String({ format: 'binary', description: 'The file to upload, with a filename.' }),
})

export const PresignQuery = Type.Object({
  expires_at_seconds: Type.Optional(Type.Integer({ minimum: 1, default: 3600 })),
  ...scopeQuery,
})

export const PresignBody = Type.Object({
  name,
  external_file_id: optionalText('The ID of the file in another system.'),
  file_size: Type.Optional(
    Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
      description: 'Exactly this many bytes have to come. By default up to the largest file.',
    }),
  ),
  storage_type: storageType,
  last_modified_at: optionalText('Not kept.'),
  resource_info: ignored,
  permission_info: ignored,
  data_source_id: optionalText('Not kept: there are no data sources here.'),
})

export const UploadUrl = Type.Object({
  file_id: Type.String({ format: 'uuid' }),
  ...PresignedUrl.properties,
})
