import { type TSchema, Type } from 'typebox'
import { FILE_ID_FORMAT } from '../../http/operation.ts'
import { DEFAULT_PAGE, MAX_IDS, MAX_PAGE } from './paging.ts'
import { MAX_LIFETIME_SECONDS, MAX_NAME_CHARACTERS, MIN_LIFETIME_SECONDS } from './requests.ts'

/*
 * For the documentation and the answers' form. Requests are read by `requests.ts`.
 */

const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const time = Type.String({ format: 'date-time' })

export const FileBody = Type.Object({
  type: Type.Literal('file'),
  id: Type.String({ description: 'Unique file identifier.' }),
  filename: Type.String(),
  mime_type: Type.String(),
  size_bytes: Type.Integer({ minimum: 0 }),
  created_at: time,
  downloadable: Type.Boolean({ description: 'Whether the content can be downloaded.' }),
  expires_at: Type.Optional(orNull(time)),
  scope: Type.Optional(Type.Null({ description: 'With the beta of managed agents.' })),
})

export const ListBody = Type.Object({
  data: Type.Array(FileBody),
  next_page: Type.Optional(orNull(Type.String())),
  has_more: Type.Optional(Type.Boolean({ description: 'With a beta header, as the two that follow.' })),
  first_id: Type.Optional(orNull(Type.String())),
  last_id: Type.Optional(orNull(Type.String())),
})

export const DeletedBody = Type.Object({ id: Type.String(), type: Type.Literal('file_deleted') })

export const UploadForm = Type.Object(
  {
    file: Type.String({
      format: 'binary',
      description: `Its filename may have ${MAX_NAME_CHARACTERS} characters.`,
    }),
    expires_in_seconds: Type.Optional(
      Type.Integer({ minimum: MIN_LIFETIME_SECONDS, maximum: MAX_LIFETIME_SECONDS }),
    ),
  },
  // Further parts are ignored, if a header can carry their names: no schema of a form can say that.
  { additionalProperties: false },
)

const fileId = Type.String({ format: FILE_ID_FORMAT, description: 'Of any dialect.' })
export const FileParams = Type.Object({ file_id: fileId })

export const ListQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE })),
  page: Type.Optional(Type.String({ description: '`next_page` of the page before.' })),
  'ids[]': Type.Optional(
    Type.Array(fileId, {
      maxItems: MAX_IDS,
      description: 'Only these, on one page; not with limit or page.',
    }),
  ),
  before_id: Type.Optional(Type.String({ description: 'With a beta header: the page before this file.' })),
  after_id: Type.Optional(Type.String({ description: 'With a beta header: the page behind this file.' })),
  scope_id: Type.Optional(Type.String({ description: 'Matches nothing: there are no sessions here.' })),
})

export const ErrorBody = Type.Object({
  type: Type.Literal('error'),
  error: Type.Object({
    type: Type.String(),
    message: Type.String(),
    details: Type.Optional(Type.Object({ error_code: Type.String() })),
  }),
  request_id: orNull(Type.String()),
})
