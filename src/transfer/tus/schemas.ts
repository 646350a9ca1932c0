import type { ErrorCode } from '../../core/errors.ts'
import { plainErrorSchema } from '../../http/errors.ts'
import { linkParams, nothing, storage } from '../schemas.ts'
import { VERSION } from './headers.ts'

/*
 * For the documentation.
 */

const text = { type: 'string' } as const
const count = (description: string) => ({ type: 'string', pattern: '^[0-9]{1,16}$', description }) as const
const version = { 'Tus-Resumable': { type: 'string', const: VERSION } } as const
const checksum = {
  'Upload-Checksum': {
    type: 'string',
    description: 'Of the body: `sha1`, `sha256` or `md5`, a space, and Base64.',
  },
} as const
const bytes = { type: 'string', format: 'binary' } as const
const progress = { 'upload-offset': text, 'upload-expires': text, 'tus-resumable': text }

/** Statuses that only requests of tus get here. */
const refused = (description: string) => ({ ...plainErrorSchema, description })
const ofTus = {
  405: refused('Tus-Resumable is missing.'),
  410: refused('The upload has ended.'),
  412: refused('Tus-Resumable tells another version.'),
}

const creationFailures = [
  'version-invalid',
  'field-missing',
  'field-invalid',
  'project-forbidden',
  'bytes-too-many',
  'quota-exceeded',
  'digest-mismatch',
  'storage-full',
] as const satisfies readonly ErrorCode[]

/** The route that creates uploads. */
export const createConfig = {
  access: { scope: 'files:create', limit: 'write' },
  failures: creationFailures,
  described: {
    tags: ['tus'],
    operationId: 'tus.create',
    summary: 'Create an upload (tus 1.0), with its first bytes or without',
    consumes: ['application/offset+octet-stream'],
    headers: {
      type: 'object',
      properties: {
        ...version,
        'Upload-Length': count('Bytes of the file.'),
        'Upload-Defer-Length': { type: 'string', const: '1', description: 'In place of Upload-Length.' },
        'Upload-Metadata': {
          type: 'string',
          description:
            'Pairs of a key and Base64: `filename`, `filetype`, `purpose`, `externalId`, `labels`, `expiresInSeconds`, `project`.',
        },
        ...checksum,
      },
      required: ['Tus-Resumable'],
    },
    response: { 201: nothing('Created.', { location: text, ...progress }) },
  },
} as const

const uploadFailures = ['link-invalid', ...storage, 'storage-full'] as const satisfies readonly ErrorCode[]

/** The route that appends to an upload. */
export const appendConfig = {
  access: 'link',
  failures: [
    ...uploadFailures,
    'field-missing',
    'field-invalid',
    'offset-mismatch',
    'bytes-too-many',
    'quota-exceeded',
  ],
  described: {
    tags: ['Links'],
    operationId: 'link.append',
    summary: 'Send a part of a file to its upload link',
    consumes: ['application/offset+octet-stream'],
    params: linkParams('uploadUrl'),
    headers: {
      type: 'object',
      properties: {
        ...version,
        'Upload-Offset': count('Where the part begins.'),
        'Upload-Length': count('Bytes of the file, if its creation did not tell.'),
        ...checksum,
      },
    },
    body: { ...bytes, description: 'The part.' },
    response: {
      204: nothing('Stored.', progress),
      ...ofTus,
      460: refused('The part is not that of Upload-Checksum; nothing of it is kept.'),
    },
  },
} as const

/** The route that ends an upload. */
export const endConfig = {
  access: 'link',
  failures: uploadFailures,
  ignoresBody: true,
  described: {
    tags: ['Links'],
    operationId: 'link.end',
    summary: 'End an upload without a file',
    params: linkParams('uploadUrl'),
    headers: { type: 'object', properties: version },
    response: { 204: nothing('Ended.'), ...ofTus },
  },
} as const
