import { type Static, type TSchema, Type } from 'typebox'
import { MAX_LABELS, NAME_PATTERN, textRules } from '../../core/files/text-rules.ts'
import { idempotencyHeader } from '../../http/idempotent.ts'
import { FILE_ID_FORMAT } from '../../http/operation.ts'
import { DEFAULT_PAGE, MAX_NAME_CHARACTERS, MAX_PAGE } from './requests.ts'

/*
 * For the documentation and the form of answers. Requests are read by `requests.ts`.
 */

const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const time = Type.String({ format: 'date-time' })
const strict = { additionalProperties: false }

export const FileBody = Type.Object({
  id: Type.String({ format: 'uuid' }),
  project: Type.Object({ id: Type.String({ format: 'uuid' }), slug: Type.String() }),
  name: Type.String({ description: 'As it was sent; may be empty.' }),
  state: Type.Union([Type.Literal('stored'), Type.Literal('pending')], {
    description: '`pending`: an upload that waits for its bytes.',
  }),
  sizeBytes: Type.Integer({ description: 'Of a pending upload, what it announced.' }),
  mimeType: Type.String(),
  sha256: orNull(Type.String({ description: 'Lower-case hex; null until all bytes have come.' })),
  md5: orNull(Type.String({ description: 'Lower-case hex; null where nothing has needed it.' })),
  purpose: orNull(Type.String()),
  labels: Type.Record(Type.String(), Type.String()),
  description: orNull(Type.String()),
  externalId: orNull(Type.String({ description: 'The ID of the file in another system.' })),
  visibility: Type.Union([Type.Literal('project'), Type.Literal('subject')], {
    description: '`subject`: only its creator and keys of admins see it.',
  }),
  createdAt: time,
  updatedAt: time,
  storedAt: orNull(time),
  expiresAt: orNull(Type.String({ format: 'date-time', description: 'Null: it does not end by itself.' })),
  createdBy: Type.String({ description: 'The user of the key, or its project.' }),
})
export type FileBody = Static<typeof FileBody>

export const PageBody = Type.Object({
  files: Type.Array(FileBody),
  next: orNull(Type.String({ description: '`after` of the next page; null: this is the last one.' })),
})

/** Any other text is the id of no file. */
export const FileParams = Type.Object({
  id: Type.String({ format: FILE_ID_FORMAT, description: 'In the form of any API.' }),
})

const project = (fallback: string) =>
  Type.Optional(Type.String({ description: `ID or slug; by default ${fallback}.` }))

export const ListQuery = Type.Object({
  project: project('the first project of the key'),
  state: Type.Optional(Type.Union([Type.Literal('stored'), Type.Literal('pending')], { default: 'stored' })),
  name: Type.Optional(
    Type.String({
      maxLength: MAX_NAME_CHARACTERS,
      description: 'A part of the name, in any case and any Unicode spelling.',
    }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE })),
  after: Type.Optional(
    Type.String({ description: '`next` of the page before, with the same project, state, name and order.' }),
  ),
  order: Type.Optional(
    Type.Union([Type.Literal('asc'), Type.Literal('desc')], {
      default: 'desc',
      description: 'By creation: the newest first, or last.',
    }),
  ),
})

const name = Type.String({ maxLength: MAX_NAME_CHARACTERS, pattern: NAME_PATTERN })
const bytesOf = ({ maxBytes }: { readonly maxBytes: number }) => `At most ${maxBytes} bytes of UTF-8.`

export const UpdateBody = Type.Object(
  {
    name: Type.Optional(name),
    labels: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        maxProperties: MAX_LABELS,
        description: 'Replaced whole. Null takes all away.',
      }),
    ),
    description: Type.Optional(orNull(Type.String({ description: bytesOf(textRules.description) }))),
    purpose: Type.Optional(orNull(Type.String({ minLength: 1, description: bytesOf(textRules.purpose) }))),
    expiresAt: Type.Optional(
      orNull(
        Type.String({
          format: 'date-time',
          description: 'In the future, with a zone. Null: it does not end.',
        }),
      ),
    ),
  },
  { ...strict, description: 'What is absent stays.' },
)

export const CopyHeaders = Type.Object(idempotencyHeader)
export const CopyBody = Type.Object(
  {
    project: project('that of the file'),
    name: Type.Optional({ ...name, description: 'By default the same.' }),
  },
  strict,
)
