import { type TSchema, Type } from 'typebox'
import { FILE_ID_FORMAT } from '../../http/operation.ts'
import { sampleTypes } from './purposes.ts'
import {
  DEFAULT_PAGE,
  DEFAULT_URL_HOURS,
  MAX_EXPIRY,
  MAX_PAGE_NUMBER,
  MAX_URL_HOURS,
  MAX_WORDS,
  sources,
  visibilities,
} from './requests.ts'

/*
 * For the documentation. Requests are read by `requests.ts`, which tells all problems at once.
 */

const orNull = (schema: TSchema) => Type.Union([schema, Type.Null()])
const seconds = Type.Integer({ description: 'Unix time in seconds.' })

const file = {
  id: Type.String({ format: 'uuid' }),
  object: Type.Literal('file'),
  bytes: Type.Integer({ minimum: 0 }),
  created_at: seconds,
  filename: Type.String(),
  purpose: Type.String({ description: '`fine-tune`, `batch`, `ocr`, `audio`, or any text that was sent.' }),
  sample_type: Type.String(),
  num_lines: orNull(Type.Integer({ minimum: 0 })),
  mimetype: Type.String(),
  source: Type.String({ enum: [...sources] }),
  signature: orNull(Type.String({ description: 'MD5 of the bytes, in hex, if it is known.' })),
  expires_at: orNull(seconds),
  visibility: Type.String({ enum: [...visibilities] }),
}
export const FileBody = Type.Object(file)
export const RetrievedFileBody = Type.Object({ ...file, deleted: Type.Boolean() })
export const DeletedFileBody = Type.Object({
  id: Type.String({ format: 'uuid' }),
  object: Type.Literal('file'),
  deleted: Type.Literal(true),
})
export const PageBody = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(FileBody),
  total: orNull(Type.Integer({ minimum: 0 })),
})
export const UrlBody = Type.Object({
  url: Type.String({ format: 'uri', description: 'Works without credentials until it expires.' }),
})
export const CreateForm = Type.Object(
  {
    file: Type.String({ format: 'binary' }),
    purpose: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        pattern: '^[ -~]*$',
        description: 'Left out: `fine-tune` for a name that ends in .jsonl, else `ocr`.',
      }),
    ),
    expiry: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MAX_EXPIRY, description: 'Hours until the file ends.' }),
    ),
    visibility: Type.Optional(
      Type.String({
        enum: [...visibilities],
        default: 'workspace',
        description: '`user`: only its creator and admins see it.',
      }),
    ),
  },
  { additionalProperties: false },
)

const fileId = Type.String({ format: FILE_ID_FORMAT })
export const FileParams = Type.Object({ file_id: fileId })
export const UrlQuery = Type.Object({
  expiry: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_URL_HOURS,
      default: DEFAULT_URL_HOURS,
      description: 'Hours until the URL ends.',
    }),
  ),
})

/** @param maxPageSize largest page */
export function listQuery(maxPageSize: number) {
  const words = (allowed: readonly string[]) => Type.Optional(Type.Array(Type.String({ enum: [...allowed] })))
  return Type.Object({
    page: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_PAGE_NUMBER, default: 0 })),
    page_size: Type.Optional(
      Type.Integer({ minimum: 1, maximum: maxPageSize, default: Math.min(DEFAULT_PAGE, maxPageSize) }),
    ),
    include_total: Type.Optional(Type.Boolean({ default: true })),
    sample_type: words(sampleTypes),
    source: words(sources),
    mimetypes: Type.Optional(
      Type.Array(Type.String({ description: 'A MIME type, or all of a kind: `image/*`.' }), {
        maxItems: MAX_WORDS,
      }),
    ),
    search: Type.Optional(Type.String({ description: 'A part of the name, in any case of letters.' })),
    purpose: Type.Optional(Type.String()),
  })
}

const problem = Type.Object(
  {
    type: Type.String(),
    loc: Type.Array(Type.Union([Type.String(), Type.Integer()])),
    msg: Type.String(),
  },
  { additionalProperties: true },
)
export const ErrorBody = Type.Union([
  Type.Object(
    { detail: Type.Union([Type.String(), Type.Array(problem)]) },
    { description: 'Of 401, 404, 413 and 422.', additionalProperties: true },
  ),
  Type.Object(
    {
      object: Type.Literal('error'),
      message: Type.String(),
      type: Type.String(),
      param: orNull(Type.String()),
      code: orNull(Type.String()),
    },
    { description: 'Of all other statuses.' },
  ),
])
