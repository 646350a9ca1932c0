import type { IncomingHttpHeaders } from 'node:http'
import { ServiceError } from '../core/errors.ts'
import { etagOf, type FileRecord, stateAt } from '../core/files/file.ts'
import { bytesAlreadyStored, uploadIsOver } from '../core/uploads/receive-upload.ts'
import { noneMatches, preconditionHolds } from '../http/conditions.ts'

/**
 * All that the headers of a PUT can tell before a single byte is asked for.
 * @throws ServiceError `link-invalid`, `field-invalid`, `precondition-failed`, `bytes-already-stored`, `length-mismatch`,
 *   `bytes-too-many`
 */
export function checkUpload(headers: IncomingHttpHeaders, upload: FileRecord, now: number): void {
  requireSigned(headers, upload, now)
  // A part by the IETF's draft, which is switched off.
  if ((headers['upload-complete'] ?? '?1') !== '?1') {
    const message = 'A PUT on a link sends the whole file; this server takes no parts by Upload-Complete.'
    throw new ServiceError('field-invalid', message, { field: 'upload-complete' })
  }
  if (headers['content-length'] !== undefined) checkLength(Number(headers['content-length']), upload)
}

/**
 * Whether an upload takes bytes, and from a request with these headers, whatever its length.
 * @throws ServiceError `link-invalid`, `field-invalid`, `precondition-failed`, `bytes-already-stored`
 */
export function requireSigned(headers: IncomingHttpHeaders, upload: FileRecord, now: number): void {
  if (stateAt(upload, now) !== 'pending') throw uploadIsOver()
  if (upload.uploadMaxBytes === null) checkType(headers['content-type'], upload)
  if (upload.writeOnce && headers['if-none-match'] !== '*') {
    throw new ServiceError('link-invalid', 'Send the header if-none-match: * that was signed with this link.')
  }
  // RFC 9110, 14.5: taken for the whole, a part would replace the file.
  if (headers['content-range'] !== undefined) {
    const message = 'A PUT on a link sends the whole file; Content-Range is not known here.'
    throw new ServiceError('field-invalid', message, { field: 'content-range' })
  }
  requireReplaceable(headers, upload, now)
}

const conditions = ['if-match', 'if-none-match', 'if-unmodified-since']

/**
 * Whether the conditions of a PUT hold for what an earlier one has brought.
 * @throws ServiceError `precondition-failed`, `bytes-already-stored`
 */
export function requireReplaceable(headers: IncomingHttpHeaders, upload: FileRecord, now: number): void {
  if (!conditions.some((name) => name in headers)) return
  const there = upload.sha256 === null ? undefined : { etag: etagOf(upload), modifiedAt: upload.updatedAt }
  if (!preconditionHolds(headers, there, now)) {
    const message = 'The bytes that are stored here are not those that the condition asks for.'
    throw new ServiceError('precondition-failed', message)
  }
  if (!noneMatches(headers, there)) throw bytesAlreadyStored()
}

function checkType(sent: string | undefined, { mimeType }: FileRecord): void {
  if (sent !== undefined && isSameMimeType(sent.trim(), mimeType)) return
  throw new ServiceError('link-invalid', `Send content-type: ${mimeType}, which was signed with this link.`)
}

function checkLength(length: number, { sizeBytes, uploadMaxBytes }: FileRecord): void {
  if (uploadMaxBytes === null || uploadMaxBytes === sizeBytes) {
    if (length === sizeBytes) return
    const message = `Content-Length is ${length}, but ${sizeBytes} bytes were announced.`
    throw new ServiceError('length-mismatch', message)
  }
  if (length > uploadMaxBytes)
    throw new ServiceError('bytes-too-many', `The body is larger than the limit of ${uploadMaxBytes} bytes.`)
}

/**
 * Whether two spellings name one MIME type (RFC 9110, 8.3.1): case, white space, quotes and the order of parameters make no
 * difference. The case of parameters' values makes none either, since that of charsets does not.
 */
function isSameMimeType(one: string, other: string): boolean {
  return one === other || normalized(one) === normalized(other)
}

/** From one separator to the next, those in quoted strings left out. */
const PART = /(?:"(?:[^"\\]|\\.)*"|[^;])+/g

function normalized(mimeType: string): string {
  const [type = '', ...parameters] = (mimeType.toLowerCase().match(PART) ?? []).map((part) => part.trim())
  const named = parameters.filter((parameter) => parameter !== '').map(withoutQuotes)
  return [type, ...named.sort()].join(';')
}

function withoutQuotes(parameter: string): string {
  const equals = parameter.indexOf('=')
  const value = parameter.slice(equals + 1)
  if (equals < 0 || !/^".*"$/s.test(value)) return parameter
  return parameter.slice(0, equals + 1) + value.slice(1, -1).replace(/\\(.)/g, '$1')
}
