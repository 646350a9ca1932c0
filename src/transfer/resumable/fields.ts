import type { IncomingHttpHeaders } from 'node:http'
import { ServiceError } from '../../core/errors.ts'
import { parseBoolean, parseInteger, printBoolean } from './structured-fields.ts'

/**
 * The interop version of draft-ietf-httpbis-resumable-upload that is spoken here, of its revision 12. Client and server tell it
 * each other as long as there is no RFC: a 104 (Upload Resumption Supported) goes only to clients of the same version.
 */
export const INTEROP_VERSION = 9

/** The type of the content of an append. */
export const PARTIAL_UPLOAD = 'application/partial-upload'

/** What the headers of a request tell of an upload; undefined: nothing. Sizes are bytes. */
export interface UploadFields {
  /** Whether the body ends the upload. */
  readonly isComplete: boolean | undefined
  /** Where the body begins in the upload. */
  readonly offset: number | undefined
  /** The length of the whole, by Upload-Length. */
  readonly lengthBytes: number | undefined
}

/**
 * Upload-Complete, Upload-Offset and Upload-Length. The draft ignores malformed ones; a part would then be stored for the whole,
 * so they are refused here.
 * @throws ServiceError `field-invalid`
 */
export function uploadFields(headers: IncomingHttpHeaders): UploadFields {
  return {
    isComplete: fieldOf(headers, 'upload-complete', parseBoolean, 'is neither ?1 nor ?0'),
    offset: fieldOf(headers, 'upload-offset', parseSize, 'is no whole number of bytes'),
    lengthBytes: fieldOf(headers, 'upload-length', parseSize, 'is no whole number of bytes'),
  }
}

function parseSize(text: string): number | undefined {
  const value = parseInteger(text)
  return value === undefined || value < 0 ? undefined : Math.abs(value)
}

function fieldOf<T>(
  headers: IncomingHttpHeaders,
  field: string,
  parse: (text: string) => T | undefined,
  wrong: string,
): T | undefined {
  const given = headers[field]
  if (given === undefined) return undefined
  const value = typeof given === 'string' ? parse(given) : undefined
  if (value === undefined) throw new ServiceError('field-invalid', `The header ${field} ${wrong}.`, { field })
  return value
}

/** Whether the client takes a 104 (Upload Resumption Supported) for what it is. */
export function speaksDraft(headers: IncomingHttpHeaders): boolean {
  const version = headers['upload-draft-interop-version']
  return typeof version === 'string' && parseInteger(version) === INTEROP_VERSION
}

/** How far an upload is, for its answers. */
export interface UploadProgress {
  readonly offset: number
  readonly isComplete: boolean
  /** Undefined: nobody has told it. */
  readonly lengthBytes: number | undefined
  readonly maxBytes: number
  /** How long the link still leads to the upload. */
  readonly remainingSeconds: number
}

export function limitFields({ maxBytes, remainingSeconds }: UploadProgress): Record<string, string> {
  return { 'upload-limit': `max-size=${maxBytes}, max-age=${remainingSeconds}` }
}

export function progressFields(progress: UploadProgress): Record<string, string> {
  const { offset, isComplete, lengthBytes } = progress
  return {
    'upload-complete': printBoolean(isComplete),
    'upload-offset': String(offset),
    ...(lengthBytes === undefined ? {} : { 'upload-length': String(lengthBytes) }),
    ...limitFields(progress),
  }
}
