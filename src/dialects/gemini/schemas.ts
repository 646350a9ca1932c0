import { Type } from 'typebox'
import { DEFAULT_PAGE, MAX_PAGE } from './paging.ts'

/*
 * For the documentation. Requests are read by `fields.ts`, `paging.ts` and `upload/`.
 */

const time = Type.String({ format: 'date-time' })

export const FileBody = Type.Object(
  {
    name: Type.String({ pattern: '^files/[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$' }),
    displayName: Type.Optional(Type.String()),
    mimeType: Type.String(),
    sizeBytes: Type.String({ pattern: '^[0-9]+$' }),
    createTime: time,
    updateTime: time,
    expirationTime: Type.Optional(time),
    sha256Hash: Type.Optional(Type.String({ description: 'Base64 of the 32 bytes.' })),
    uri: Type.String({ format: 'uri' }),
    downloadUri: Type.Optional(Type.String({ format: 'uri' })),
    state: Type.String({ enum: ['PROCESSING', 'ACTIVE'] }),
    source: Type.String({ enum: ['UPLOADED'] }),
  },
  { additionalProperties: false },
)

export const PageBody = Type.Object(
  {
    files: Type.Optional(Type.Array(FileBody, { minItems: 1 })),
    nextPageToken: Type.Optional(Type.String({ minLength: 1 })),
  },
  { additionalProperties: false },
)

export const Empty = Type.Object({}, { additionalProperties: false })

export const FileParams = Type.Object({
  file: Type.String({ description: 'What follows `files/` in the name, or the ID of a file in any form.' }),
})

export const ListQuery = Type.Object({
  pageSize: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: DEFAULT_PAGE,
      description: `More than ${MAX_PAGE} counts as ${MAX_PAGE}.`,
    }),
  ),
  pageToken: Type.Optional(Type.String()),
})

export const DownloadQuery = Type.Object({ alt: Type.Optional(Type.String({ const: 'media' })) })

export const UploadBody = Type.Object({
  file: Type.Optional(
    Type.Object({
      name: Type.Optional(
        Type.String({
          description: '`files/` and at most 40 of a-z, 0-9 and -; generated if it is left out.',
        }),
      ),
      displayName: Type.Optional(Type.String({ maxLength: 512 })),
      mimeType: Type.Optional(Type.String()),
      sizeBytes: Type.Optional(Type.String({ format: 'int64' })),
    }),
  ),
})

const header = (description: string) => Type.Optional(Type.String({ description }))

export const UploadHeaders = Type.Object({
  'X-Goog-Upload-Protocol': header('`resumable`, `multipart` or `raw`.'),
  'X-Goog-Upload-Command': header(
    '`start`. The URL of the upload takes `upload`, `query`, `finalize`, `cancel`.',
  ),
  'X-Goog-Upload-Header-Content-Length': header('Bytes of the file; the upload has to keep to it.'),
  'X-Goog-Upload-Header-Content-Type': header('The type of the file.'),
  'X-Goog-Upload-File-Name': header('The name of the file, where the body has no displayName.'),
})

export const uploads = {
  200: {
    description: 'Started: the URL is in X-Goog-Upload-URL, and there is no body. Or stored, with the file.',
    content: { '*/*': { schema: Type.Object({ file: Type.Optional(FileBody) }) } },
  },
} as const

export const ErrorBody = Type.Object({
  error: Type.Object({
    code: Type.Integer(),
    message: Type.String(),
    status: Type.String(),
    details: Type.Optional(Type.Array(Type.Object({}, { additionalProperties: true }))),
  }),
})
