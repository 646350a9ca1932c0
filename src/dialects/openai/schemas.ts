import { type TSchema, Type } from 'typebox'
import { FILE_ID_FORMAT } from '../../http/operation.ts'
import { uploadIds } from './ids.ts'
import { shownPurposes, uploadPurposes } from './purposes.ts'
import { MAX_EXPIRY_SECONDS, MAX_PAGE, MAX_PARTS, MIN_EXPIRY_SECONDS } from './requests.ts'

/*
 * For the documentation and the answers' form. Requests are read by `requests.ts`, which tells the first problem in the vendor's
 * words.
 */

const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const seconds = Type.Integer({ description: 'Unix time in seconds.' })
const closed = { additionalProperties: false } as const

export const FileBody = Type.Object({
  id: Type.String(),
  object: Type.Literal('file'),
  bytes: Type.Integer(),
  created_at: seconds,
  expires_at: orNull(seconds),
  filename: Type.String(),
  purpose: Type.String({ enum: [...shownPurposes] }),
  status: Type.Literal('processed'),
  status_details: Type.Null(),
})

export const ListBody = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(FileBody),
  first_id: orNull(Type.String()),
  last_id: orNull(Type.String()),
  has_more: Type.Boolean(),
})

export const DeletedBody = Type.Object({
  id: Type.String(),
  object: Type.Literal('file'),
  deleted: Type.Literal(true),
})

export const UploadBody = Type.Object({
  id: Type.String(),
  object: Type.Literal('upload'),
  bytes: Type.Integer({ description: 'As declared.' }),
  created_at: seconds,
  expires_at: Type.Integer({ description: 'When the session ends, in Unix seconds.' }),
  filename: Type.String(),
  purpose: Type.String(),
  status: Type.String({ enum: ['pending', 'completed', 'cancelled', 'expired'] }),
  file: orNull(FileBody),
})

export const PartBody = Type.Object({
  id: Type.String(),
  object: Type.Literal('upload.part'),
  created_at: seconds,
  upload_id: Type.String(),
})

const purpose = Type.String({ enum: [...uploadPurposes] })
const anchor = Type.String({ enum: ['created_at'] })
const expirySeconds = { minimum: MIN_EXPIRY_SECONDS, maximum: MAX_EXPIRY_SECONDS }

export const CreateForm = Type.Object(
  {
    file: Type.String({ format: 'binary', description: 'The file, with a filename.' }),
    purpose,
    'expires_after[anchor]': Type.Optional(anchor),
    'expires_after[seconds]': Type.Optional(Type.Integer(expirySeconds)),
  },
  closed,
)

export const PartForm = Type.Object(
  { data: Type.String({ format: 'binary', minLength: 1, description: 'Up to 64 MiB.' }) },
  closed,
)

export const ListQuery = Type.Object({
  purpose: Type.Optional(Type.String({ description: 'Files that show this purpose.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: MAX_PAGE })),
  order: Type.Optional(Type.String({ enum: ['asc', 'desc'], default: 'desc' })),
  after: Type.Optional(Type.String({ format: FILE_ID_FORMAT, description: '`last_id` of the page before.' })),
})

const fileId = Type.String({ format: FILE_ID_FORMAT })
export const FileParams = Type.Object({ file_id: fileId })
export const UploadParams = Type.Object({ upload_id: Type.String({ pattern: `^${uploadIds.pattern}$` }) })

export const UploadRequest = Type.Object(
  {
    bytes: Type.Integer({ minimum: 1, description: 'What the parts will add up to.' }),
    filename: Type.String(),
    mime_type: Type.String({ pattern: '^[!-~]([ -~]*[!-~])?$' }),
    purpose,
    expires_after: Type.Optional(Type.Object({ anchor, seconds: Type.Integer(expirySeconds) })),
  },
  closed,
)

export const CompleteRequest = Type.Object(
  {
    part_ids: Type.Array(Type.String(), {
      maxItems: MAX_PARTS,
      description: 'The parts that make the file, in its order. All others are dropped.',
    }),
    md5: Type.Optional(Type.String({ description: 'Of the whole, in hex or base64.' })),
  },
  closed,
)

export const ErrorBody = Type.Object({
  error: Type.Object({
    message: Type.String(),
    type: Type.String(),
    param: orNull(Type.String()),
    code: orNull(Type.String()),
  }),
})
