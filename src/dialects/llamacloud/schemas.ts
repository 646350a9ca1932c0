import { type TSchema, type TSchemaOptions, Type } from 'typebox'
import { FILE_ID_FORMAT } from '../../http/operation.ts'
import { DEFAULT_PAGE, MAX_PAGE } from './paging.ts'
import { DEFAULT_URL_SECONDS, MAX_URL_SECONDS } from './requests.ts'
import { purposes } from './settings.ts'

/*
 * For the documentation and the answers' form. Requests are read by `requests.ts`, which tells all problems at once.
 */

export const orNull = <T extends TSchema>(schema: T, options: TSchemaOptions = {}) =>
  Type.Union([schema, Type.Null()], options)
const time = Type.String({ format: 'date-time' })
const optionalText = (description: string) => Type.Optional(Type.String({ description }))

export const scopeQuery = {
  project_id: optionalText('Project of the file; by default that of the key.'),
  organization_id: optionalText('Must match the project, if both are given.'),
}

export const PresignedUrl = Type.Object({
  url: Type.String({ format: 'uri', description: 'Works without credentials until it expires.' }),
  expires_at: time,
  form_fields: Type.Null({ description: 'Only presigned POST requests have any.' }),
})

export const FileBody = Type.Object({
  id: Type.String({ description: 'Unique file identifier.' }),
  name: Type.String({ description: 'File name including extension.' }),
  project_id: Type.String({ format: 'uuid' }),
  external_file_id: orNull(Type.String()),
  file_type: orNull(Type.String({ description: 'File extension (pdf, docx, png …).' })),
  last_modified_at: orNull(time),
  expires_at: orNull(Type.String({ format: 'date-time', description: 'Null means no expiration.' })),
  purpose: orNull(Type.String()),
  download_url: orNull(PresignedUrl),
})

export const PageBody = Type.Object({
  items: Type.Array(FileBody),
  next_page_token: orNull(Type.String()),
  total_size: orNull(Type.Integer()),
})

/** A text that databases can keep. */
export const externalId = Type.String({
  pattern: '^[^\\u0000]*$',
  description: 'The ID of the file in another system.',
})

/** Further fields are ignored, whatever they are called but for what JavaScript makes of some names. */
export const furtherFields = {
  propertyNames: { not: { enum: ['__proto__', 'constructor', 'prototype'] } },
} as const
/** Further parts are ignored as well, if a header can carry their names: no schema of a form can say that. */
export const furtherParts = { additionalProperties: false } as const

export const CreateForm = Type.Object(
  {
    file: Type.String({
      format: 'binary',
      minLength: 1,
      description: 'The file to upload, with a filename.',
    }),
    purpose: Type.String({ enum: [...purposes] }),
    external_file_id: Type.Optional(externalId),
  },
  furtherParts,
)

const fileId = Type.String({ format: FILE_ID_FORMAT, description: 'A UUID, with or without `dfl-`.' })
const order = Type.Optional(
  Type.String({
    pattern: `^${termsOf(['name', 'id', 'created_at'])}$`,
    description: '`name`, `id` or `created_at`, with `asc` or `desc`; several separated by commas.',
  }),
)
const pageToken = Type.Optional(
  Type.String({
    pattern: '^[A-Za-z0-9_-]+$',
    description: '`next_page_token` of the page before, with the same filters and order.',
  }),
)
const ids = Type.Optional(Type.Array(fileId, { maxItems: MAX_PAGE }))
/** Integers that JSON's numbers hold exactly. */
const maximum = Number.MAX_SAFE_INTEGER
export const urlSeconds = Type.Integer({
  minimum: 1,
  maximum,
  default: DEFAULT_URL_SECONDS,
  description: `More than ${MAX_URL_SECONDS} counts as ${MAX_URL_SECONDS}.`,
})

/** Terms separated by commas, each field at most once. */
function termsOf(fields: readonly string[]): string {
  const lists = fields.map((field) => {
    const others = fields.filter((other) => other !== field)
    return `${field}( asc| desc)?${others.length === 0 ? '' : `(, ?${termsOf(others)})?`}`
  })
  return `(${lists.join('|')})`
}

export const ListQuery = Type.Object({
  page_size: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE })),
  page_token: pageToken,
  file_ids: ids,
  file_name: optionalText('Exact name, in any Unicode spelling: composed and decomposed are the same.'),
  external_file_id: optionalText('Exact external ID.'),
  order_by: order,
  expand: Type.Optional(Type.Array(Type.String(), { description: '`download_url` fills it in each item.' })),
  ...scopeQuery,
})

export const QueryBody = Type.Object(
  {
    filter: Type.Optional(
      Type.Object({
        project_id: optionalText('Must be the project of the request.'),
        file_ids: ids,
        file_name: optionalText('Exact name, in any Unicode spelling: composed and decomposed are the same.'),
        data_source_id: optionalText('Matches nothing: there are no data sources here.'),
        external_file_id: optionalText('Exact external ID.'),
        only_manually_uploaded: Type.Optional(Type.Boolean()),
      }),
    ),
    order_by: order,
    page_size: Type.Optional(
      Type.Integer({ minimum: 0, maximum, description: `More than ${MAX_PAGE} counts as ${MAX_PAGE}.` }),
    ),
    page_token: pageToken,
  },
  furtherFields,
)

export const RetrieveQuery = Type.Object({ expand: Type.Optional(Type.Array(Type.String())), ...scopeQuery })
export const ContentQuery = Type.Object({
  expires_at_seconds: Type.Optional(urlSeconds),
  ...scopeQuery,
})
export const ScopeQuery = Type.Object(scopeQuery)
export const FileParams = Type.Object({ file_id: fileId })

export const ProjectBody = Type.Object({
  id: Type.String({ format: 'uuid' }),
  name: Type.String(),
  organization_id: Type.String({ format: 'uuid' }),
  is_default: Type.Boolean(),
  created_at: time,
  updated_at: time,
})

export const SessionRequest = Type.Object({
  api_key: optionalText('The key, where it is not sent as a bearer header.'),
})
export const SessionBody = Type.Object({ expires_at: time })

export const ErrorBody = Type.Object({
  detail: Type.Union([
    Type.String(),
    Type.Array(
      Type.Object(
        {
          type: Type.String(),
          loc: Type.Array(Type.Union([Type.String(), Type.Integer()])),
          msg: Type.String(),
        },
        { additionalProperties: true },
      ),
    ),
  ]),
})
