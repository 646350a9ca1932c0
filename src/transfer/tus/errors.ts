import type { ErrorCode, ServiceError } from '../../core/errors.ts'
import { type ErrorAnswer, plainErrorAnswer } from '../../http/errors.ts'
import { VERSION } from './headers.ts'

/** Where tus asks for another status than our other surfaces have. */
const statuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  'version-invalid': 412,
  'digest-mismatch': 460,
  // The length was told otherwise by a request that was faster.
  'size-mismatch': 400,
  // The link is one of ours, so the upload was there.
  'file-not-found': 410,
}

/** The body is that of our other surfaces; clients of tus read status and headers alone. */
export function toTusErrorAnswer(error: ServiceError): ErrorAnswer {
  const { status, headers, body } = plainErrorAnswer(error, statuses)
  const more: Record<string, string> = { 'tus-resumable': VERSION, 'cache-control': 'no-store' }
  if (error.code === 'version-invalid') more['tus-version'] = VERSION
  if (error.offset !== undefined) more['upload-offset'] = String(error.offset)
  return { status, headers: { ...headers, ...more }, body }
}
