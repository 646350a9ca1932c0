import { type Static, type TSchema, Type } from 'typebox'
import { MAX_LABELS, NAME_PATTERN, textRules } from '../../core/files/text-rules.ts'
import { idempotencyHeader } from '../../http/idempotent.ts'
import { FILE_ID_FORMAT } from '../../http/operation.ts'
import { limitParameter } from '../page-limit.ts'
import { MAX_PAGE, sorts, TYPE_PATTERN } from './list-request.ts'
import { MAX_DELETED, MAX_EXPIRY_DAYS, MAX_NAME_CHARACTERS } from './requests.ts'

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
  lastActiveAt: time,
  expiresAt: orNull(Type.String({ format: 'date-time', description: 'Null: it does not end by itself.' })),
  expiry: Type.Object(
    {
      policy: Type.Union([
        Type.Literal('never'),
        Type.Literal('at'),
        Type.Literal('since_created'),
        Type.Literal('since_last_active'),
      ]),
      days: orNull(Type.Integer()),
    },
    { description: 'The rule that `expiresAt` follows.' },
  ),
  createdBy: Type.String({ description: 'The user of the key, or its project.' }),
  dialect: orNull(
    Type.String({
      description:
        'Through which API it came: the name of a dialect, `tus`, or `admin` for a copy. Null: not known.',
    }),
  ),
})
export type FileBody = Static<typeof FileBody>

export const PageBody = Type.Object({
  files: Type.Array(FileBody),
  next: orNull(Type.String({ description: '`after` of the next page; null: this is the last one.' })),
})

const SnippetBody = Type.Object({
  action: Type.Union([Type.Literal('get'), Type.Literal('download'), Type.Literal('delete')]),
  language: Type.Union([Type.Literal('curl'), Type.Literal('python'), Type.Literal('javascript')]),
  code: Type.String({ description: 'A whole program; the key is in the environment, as `KEY`.' }),
})

export const DialectsBody = Type.Object({
  dialects: Type.Array(
    Type.Object({
      name: Type.String(),
      title: Type.String({ description: 'As the vendor writes it.' }),
      id: Type.String({ description: 'The ID of the file in this API.' }),
      baseUrl: Type.String({ format: 'uri', description: 'For the SDKs of the vendor.' }),
      refusal: orNull(Type.String({ description: 'What this API refuses the caller of this file.' })),
      snippets: Type.Array(SnippetBody, { description: 'What can be done with it, in each language.' }),
    }),
  ),
})
export type DialectsBody = Static<typeof DialectsBody>

/** Any other text is the id of no file. */
export const FileParams = Type.Object({
  id: Type.String({ format: FILE_ID_FORMAT, description: 'In the form of any API.' }),
})

const project = (fallback: string) =>
  Type.Optional(Type.String({ description: `ID or slug; by default ${fallback}.` }))

const either = <T extends string>(words: readonly T[], options: { default?: T; description?: string } = {}) =>
  Type.Optional(
    Type.Union(
      words.map((word) => Type.Literal(word)),
      options,
    ),
  )
const ofBytes = Type.Optional(Type.Integer({ minimum: 0, description: 'In bytes.' }))
const instant = (description: string) => Type.Optional(Type.String({ format: 'date-time', description }))

export const ListQuery = Type.Object({
  project: Type.Optional(
    Type.String({ description: 'ID or slug; `*`: all that the key may use. By default its first one.' }),
  ),
  state: either(['stored', 'pending'], { default: 'stored' }),
  id: Type.Optional(Type.String({ format: FILE_ID_FORMAT, description: 'In the form of any API.' })),
  name: Type.Optional(
    Type.String({
      maxLength: MAX_NAME_CHARACTERS,
      description: 'A part of the name, in any case and any Unicode spelling.',
    }),
  ),
  type: Type.Optional(
    Type.String({ pattern: TYPE_PATTERN, description: 'Like `text/csv`, or `image/*` for all of a kind.' }),
  ),
  dialect: Type.Optional(Type.String({ description: 'Through which API the file came.' })),
  expires: either(['never', 'before'], { description: '`before` goes with `expiresBefore`.' }),
  expiresBefore: instant('Sooner than that.'),
  minSize: ofBytes,
  maxSize: ofBytes,
  createdAfter: instant('Then, or later.'),
  createdBefore: instant('Sooner than that.'),
  sort: either(sorts, { default: 'created', description: 'Names by code point.' }),
  order: either(['asc', 'desc'], { description: 'By default `asc` for names, else `desc`.' }),
  limit: limitParameter(MAX_PAGE),
  after: Type.Optional(
    Type.String({ description: '`next` of the page before; all else but `limit` has to be the same.' }),
  ),
})

export const DeleteBody = Type.Object(
  { ids: Type.Array(Type.String(), { maxItems: MAX_DELETED, description: 'In the form of any API.' }) },
  strict,
)
export const ResultBody = Type.Object({
  id: Type.String({ description: 'As it was sent.' }),
  status: Type.Integer({ description: '204, or what DELETE of this file would have answered.' }),
  code: Type.Optional(Type.String()),
  detail: Type.Optional(Type.String()),
})
export type ResultBody = Static<typeof ResultBody>
export const DeletedBody = Type.Object({
  results: Type.Array(ResultBody, { description: 'One for each id, in their order.' }),
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
    expiry: Type.Optional(
      Type.Object(
        {
          policy: Type.Union([Type.Literal('since_created'), Type.Literal('since_last_active')]),
          days: Type.Integer({ minimum: 1, maximum: MAX_EXPIRY_DAYS }),
        },
        { ...strict, description: 'A rule in place of `expiresAt`, by which the file ends in the future.' },
      ),
    ),
  },
  { ...strict, description: 'What is absent stays.' },
)

export const UpdateHeaders = Type.Object({
  'if-match': Type.Optional(Type.String({ description: 'The `ETag` of the file that is to be changed.' })),
})

export const CopyHeaders = Type.Object(idempotencyHeader)
export const CopyBody = Type.Object(
  {
    project: project('that of the file'),
    name: Type.Optional({ ...name, description: 'By default the same.' }),
  },
  strict,
)
