import type { Caller } from '../../../core/caller.ts'
import { ServiceError } from '../../../core/errors.ts'
import { maxFileBytesFor, type VendorQuota } from '../../../core/limits/strict-limits.ts'
import type { GeminiSettings } from '../settings.ts'

const GIB = 1024 ** 3
/** What the vendor documents as 2 GB for a file and 20 GB for a project. */
const VENDOR_FILE_BYTES = 2 * GIB
export const VENDOR_QUOTA: VendorQuota = {
  holder: 'project',
  maxBytes: 20 * GIB,
  refusal: 'Resource has been exhausted: a project holds at most 20 GB.',
}

/** The largest file that a caller may upload. */
export function maxFileBytesOf(caller: Caller, { maxFileBytes }: GeminiSettings): number {
  return maxFileBytesFor(caller, maxFileBytes, VENDOR_FILE_BYTES)
}

/** @throws ServiceError `bytes-too-many`, in the vendor's words where the limit is the vendor's */
export function requireFit(maxFileBytes: number, sizeBytes: number): void {
  if (sizeBytes <= maxFileBytes) return
  const limit = maxFileBytes === VENDOR_FILE_BYTES ? '2 GB' : `${maxFileBytes} bytes`
  throw new ServiceError('bytes-too-many', `File exceeds ${limit}.`)
}
