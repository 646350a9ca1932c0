import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { ServiceError } from '../../core/errors.ts'
import type { StatedDigest } from '../../intake/digests.ts'
import { digestBytes } from '../../intake/digests.ts'

/*
 * tus 1.0 (tus.io/protocols/resumable-upload): "Headers" of the core protocol and of each extension.
 */

export const VERSION = '1.0.0'
/** Of bytes that continue an upload. */
export const BYTES_TYPE = 'application/offset+octet-stream'
const CHECKSUMS = ['sha1', 'sha256', 'md5'] as const
const EXTENSIONS = [
  'creation',
  'creation-with-upload',
  'creation-defer-length',
  'termination',
  'expiration',
  'checksum',
]

/** The headers of an answer to OPTIONS. */
export function abilities(maxFileBytes: number): Readonly<Record<string, string>> {
  return {
    'tus-resumable': VERSION,
    'tus-version': VERSION,
    'tus-extension': EXTENSIONS.join(','),
    'tus-max-size': String(maxFileBytes),
    'tus-checksum-algorithm': CHECKSUMS.join(','),
  }
}

/** Whether a request that is no OPTIONS speaks tus, in whatever version. */
export function speaksTus(headers: IncomingHttpHeaders): boolean {
  return headers['tus-resumable'] !== undefined
}

/** Routes with `constraints: { uploadProtocol: 'tus' }` are for requests that say so; all others are for any request. */
export const uploadProtocol = {
  name: 'uploadProtocol',
  // To the router nothing and null are one (lib/handler-storage.js).
  storage: () => new Map() as never,
  deriveConstraint: ({ headers }: IncomingMessage) => (speaksTus(headers) ? 'tus' : undefined),
  validate: () => true,
}

/** @throws ServiceError `version-invalid` */
export function requireVersion(headers: IncomingHttpHeaders): void {
  if (headers['tus-resumable'] === VERSION) return
  const message = `Tus-Resumable must be ${VERSION}.`
  throw new ServiceError('version-invalid', message, { field: 'Tus-Resumable' })
}

/** The method that counts: X-HTTP-Method-Override replaces that of the request. */
export function methodOf(method: string, headers: IncomingHttpHeaders): string {
  return headers['x-http-method-override']?.toString().trim().toUpperCase() ?? method
}

/** @throws ServiceError `body-type-unsupported` */
export function requireBytesType(headers: IncomingHttpHeaders): void {
  if (headers['content-type']?.trim().toLowerCase() === BYTES_TYPE) return
  throw new ServiceError('body-type-unsupported', `Send Content-Type: ${BYTES_TYPE}.`)
}

/** @throws ServiceError `field-missing`, `field-invalid` */
export function offsetIn(headers: IncomingHttpHeaders): number {
  const offset = bytesIn(headers, 'Upload-Offset')
  if (offset === undefined)
    throw new ServiceError('field-missing', 'Send Upload-Offset.', { field: 'Upload-Offset' })
  return offset
}

/** Upload-Length, in bytes; undefined if it is absent. @throws ServiceError `field-invalid` */
export function lengthIn(headers: IncomingHttpHeaders): number | undefined {
  return bytesIn(headers, 'Upload-Length')
}

/**
 * The length of an upload to be created, in bytes; undefined if Upload-Length comes later.
 * @throws ServiceError `field-missing`, `field-invalid`
 */
export function announcedLength(headers: IncomingHttpHeaders): number | undefined {
  const length = lengthIn(headers)
  const deferred = headers['upload-defer-length']
  if (deferred !== undefined && deferred !== '1') throw invalid('Upload-Defer-Length', 'must be 1')
  if (deferred !== undefined && length !== undefined)
    throw invalid('Upload-Defer-Length', 'must be left out where Upload-Length is sent')
  if (deferred === undefined && length === undefined) {
    const message = 'Send Upload-Length, or Upload-Defer-Length: 1.'
    throw new ServiceError('field-missing', message, { field: 'Upload-Length' })
  }
  return length
}

/** The digest of this body alone. @throws ServiceError `field-invalid` */
export function checksumIn(headers: IncomingHttpHeaders): StatedDigest | undefined {
  const value = headers['upload-checksum']?.toString()
  if (value === undefined) return undefined
  const [name, base64 = '', ...rest] = value.trim().split(' ')
  const algorithm = CHECKSUMS.find((known) => known === name)
  if (algorithm === undefined)
    throw invalid('Upload-Checksum', `must begin with one of ${CHECKSUMS.join(', ')}`)
  const bytes = Buffer.from(base64, 'base64')
  const isDigest = rest.length === 0 && isBase64(base64) && bytes.length === digestBytes[algorithm]
  if (!isDigest) throw invalid('Upload-Checksum', `must hold the ${algorithm} in Base64 after one space`)
  return { field: 'Upload-Checksum', algorithm, hex: bytes.toString('hex') }
}

export function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}

/** A header that counts bytes. Node joins repeated ones, which makes them invalid. @throws ServiceError `field-invalid` */
function bytesIn(headers: IncomingHttpHeaders, field: string): number | undefined {
  const text = headers[field.toLowerCase()]?.toString()
  if (text === undefined) return undefined
  const bytes = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(bytes)) return bytes
  throw invalid(field, 'must be a number of bytes from 0 to 2^53 - 1')
}

export function invalid(field: string, what: string): ServiceError {
  return new ServiceError('field-invalid', `${field} ${what}.`, { field })
}
