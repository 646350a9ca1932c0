import { type Static, Type } from 'typebox'
import { MIME_TYPE, NAME_PATTERN } from '../../core/files/text-rules.ts'
import { DIGEST_HEADER } from '../../core/uploads/receive-upload.ts'
import { idempotencyHeader } from '../../http/idempotent.ts'
import { FILE_ID_FORMAT } from '../../http/operation.ts'
import { type LightfieldSettings, type PurposeRule, purposes } from './settings.ts'

// `CreateBody`, `CompleteBody` and `CancelBody` judge requests; all else is for the documentation.

/** The vendor's own bound: 512 MiB. */
const MAX_FILE_BYTES = 536_870_912
/** Not the vendor's: a type that is longer could not come back in a header. */
const MAX_MIME_TYPE_CHARACTERS = 1024
/** An announced SHA-256, or none. */
export const DIGEST = /^([0-9a-f]{64})?$/

const strict = { additionalProperties: false }
const time = (description: string) => Type.String({ format: 'date-time', description })
const timeOrNull = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time', description })

export const IdempotentHeaders = Type.Object(idempotencyHeader)
export const CreateHeaders = Type.Object({
  [DIGEST_HEADER]: Type.Optional(
    Type.String({
      pattern: DIGEST.source,
      description:
        'SHA-256 of the bytes, in lower-case hex: no other bytes are taken. An extension of Entrepot.',
    }),
  ),
  ...idempotencyHeader,
})

export const CreateBody = Type.Object(
  {
    filename: Type.String({ minLength: 1, maxLength: 255, description: 'Original filename.' }),
    mimeType: Type.String({
      minLength: 1,
      maxLength: MAX_MIME_TYPE_CHARACTERS,
      description: 'MIME type of the file. Must be allowed for the given purpose.',
    }),
    sizeBytes: Type.Integer({
      minimum: 1,
      maximum: MAX_FILE_BYTES,
      description: 'Exact size of the file in bytes.',
    }),
    purpose: Type.Optional(
      Type.String({
        enum: [...purposes],
        description: 'Validates MIME type, size and role now. Not persisted, never returned.',
      }),
    ),
  },
  strict,
)
export type CreateBody = Static<typeof CreateBody>

/** `CreateBody` with the rules of names, types and purposes, which `wire.ts` checks one by one. */
export function describedCreateBody({ purposes: rules }: LightfieldSettings): object {
  const { filename, mimeType } = CreateBody.properties
  return {
    ...CreateBody,
    properties: {
      ...CreateBody.properties,
      filename: { ...filename, pattern: NAME_PATTERN },
      mimeType: { ...mimeType, pattern: MIME_TYPE.source },
    },
    anyOf: [
      { not: { required: ['purpose'] } },
      ...purposes.map((purpose) => ({
        properties: { purpose: { const: purpose }, ...boundsOf(rules[purpose]) },
        required: ['purpose'],
      })),
    ],
  }
}

function boundsOf({ maxBytes, mimeTypes }: PurposeRule): object {
  const types = mimeTypes?.map((type) => type.replaceAll(/[^\w/]/g, '\\$&')).join('|')
  return {
    sizeBytes: { maximum: maxBytes },
    ...(types === undefined ? {} : { mimeType: { pattern: `^(${types}) *(;[ -~]*)?$` } }),
  }
}

export const CompleteBody = Type.Object(
  {
    md5: Type.Optional(
      Type.String({
        pattern: '^[a-f0-9]{32}$',
        description: 'Checked against the stored bytes before they count.',
      }),
    ),
  },
  strict,
)
export type CompleteBody = Static<typeof CompleteBody>
export const CancelBody = Type.Object({}, strict)

/** Any other text is the id of no file. */
export const FileParams = Type.Object({
  id: Type.String({ format: FILE_ID_FORMAT, description: 'Unique identifier of the file.' }),
})

const maximum = Number.MAX_SAFE_INTEGER
export const ListQuery = Type.Object({
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum, default: 0 })),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum, default: 25, description: 'More than 25 counts as 25.' }),
  ),
})

export const FileBody = Type.Object({
  id: Type.String({ description: 'Unique identifier for the file.' }),
  status: Type.Unsafe<'PENDING' | 'COMPLETED' | 'CANCELLED' | 'EXPIRED'>({
    type: 'string',
    enum: ['PENDING', 'COMPLETED', 'CANCELLED', 'EXPIRED'],
  }),
  filename: Type.String(),
  mimeType: Type.String(),
  sizeBytes: Type.Integer(),
  createdAt: time('When the upload session was created.'),
  completedAt: timeOrNull('When the upload was completed.'),
  expiresAt: timeOrNull('When the upload session ends. Null once completed, cancelled or expired.'),
})
export type FileBody = Static<typeof FileBody>

export const CreatedFileBody = Type.Object({
  ...FileBody.properties,
  uploadUrl: Type.String({ format: 'uri', description: 'PUT the bytes here, with exactly `uploadHeaders`.' }),
  uploadHeaders: Type.Record(Type.String(), Type.String()),
})

export const ListBody = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(FileBody),
  totalCount: Type.Integer({ minimum: 0 }),
})

export const UrlBody = Type.Object({
  url: Type.String({ format: 'uri' }),
  expiresAt: time('When the URL stops working.'),
})

export const ValidateBody = Type.Object({
  active: Type.Literal(true),
  tokenType: Type.Literal('api_key'),
  subjectType: Type.String({ enum: ['user', 'workspace'] }),
  scopes: Type.Array(Type.String(), { description: 'Empty means full access.' }),
})

export const ErrorBody = Type.Object({
  error: Type.Object({
    type: Type.String(),
    message: Type.String(),
    code: Type.Optional(Type.String()),
    param: Type.Optional(Type.String()),
  }),
})
