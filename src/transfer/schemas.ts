/*
 * For the documentation: bytes come and go as they are.
 */

const text = { type: 'string' } as const
const bytes = { type: 'string', format: 'binary' } as const

export const storage = ['storage-unavailable', 'storage-timeout'] as const
export const nothing = (description: string, headers: object = {}) => ({
  type: 'null',
  description,
  headers,
})

const aboutBytes = {
  etag: text,
  'last-modified': text,
  'accept-ranges': text,
  'content-disposition': { type: 'string', description: 'An attachment with the name of the file.' },
}
const sent = (description: string, headers: object) => ({
  description,
  headers,
  content: { '*/*': { schema: bytes } },
})

export function linkParams(source: string) {
  return {
    type: 'object',
    properties: {
      token: {
        type: 'string',
        pattern: '^[A-Za-z0-9_-]+$',
        description: `What follows \`/transfer/\` in \`${source}\`, up to the next slash.`,
      },
    },
    required: ['token'],
  } as const
}

/** The route of an upload on its link. */
export const uploadConfig = {
  access: 'link',
  failures: [
    'link-invalid',
    'field-invalid',
    'digest-mismatch',
    'precondition-failed',
    'bytes-already-stored',
    'length-mismatch',
    'bytes-too-many',
    'quota-exceeded',
    ...storage,
    'storage-full',
  ],
  described: {
    tags: ['Links'],
    operationId: 'link.upload',
    summary: 'Send the bytes of a file to its upload link',
    consumes: ['*/*'],
    params: linkParams('uploadUrl'),
    body: { ...bytes, description: 'The bytes alone, with the headers that came with the link.' },
    response: { 200: nothing('Stored.', { etag: text }) },
  },
} as const

/** The route of a download from its link. */
export const downloadConfig = {
  access: 'link',
  failures: ['link-invalid', 'file-not-found', 'range-unsatisfiable', 'bytes-lost', ...storage],
  described: {
    tags: ['Links'],
    operationId: 'link.download',
    summary: 'Fetch the bytes of a file from its download link',
    params: linkParams('url'),
    headers: {
      type: 'object',
      properties: { Range: { type: 'string', description: 'One range of bytes.' } },
    },
    response: {
      200: sent('The whole file.', aboutBytes),
      206: sent('One range of it.', { ...aboutBytes, 'content-range': text }),
      304: nothing('The copy that the conditions tell of is fresh.', aboutBytes),
      412: nothing('The conditions do not hold.', aboutBytes),
    },
  },
} as const
