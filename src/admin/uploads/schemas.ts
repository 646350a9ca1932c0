import { type Static, Type } from 'typebox'
import { FileBody } from '../files/schemas.ts'
import { limitParameter } from '../page-limit.ts'
import { MAX_PAGE } from './requests.ts'

/** For the documentation and the form of answers. Requests are read by `requests.ts`. */
export const UploadBody = Type.Object({
  ...FileBody.properties,
  announcedBytes: Type.Union([
    Type.Integer({ description: 'How many bytes the file will have; null: its client has not told.' }),
    Type.Null(),
  ]),
  receivedBytes: Type.Integer({ description: 'Bytes that have come, and are kept.' }),
  uploadExpiresAt: Type.Union([
    Type.String({ format: 'date-time', description: 'When the upload ends, unless more bytes come.' }),
    Type.Null(),
  ]),
})
export type UploadBody = Static<typeof UploadBody>

export const PageBody = Type.Object({
  uploads: Type.Array(UploadBody),
  next: Type.Union([
    Type.String({ description: '`after` of the next page; null: this is the last one.' }),
    Type.Null(),
  ]),
})

export const ListQuery = Type.Object({
  project: Type.Optional(
    Type.String({
      description: 'ID or slug; `*`: all that the key may use. By default the first project of the key.',
    }),
  ),
  limit: limitParameter(MAX_PAGE),
  after: Type.Optional(Type.String({ description: '`next` of the page before, with the same project.' })),
})
