import type { Caller } from '../../../core/caller.ts'
import { ServiceError } from '../../../core/errors.ts'
import type { Services } from '../../../core/services.ts'
import type { GeminiSettings } from '../settings.ts'

const GIB = 1024 ** 3
/** What the vendor documents as 2 GB for a file and 20 GB for a project. */
const VENDOR_FILE_BYTES = 2 * GIB
const VENDOR_PROJECT_BYTES = 20 * GIB

/** The largest file that a caller may upload. */
export function maxFileBytesOf({ fidelity }: Caller, { maxFileBytes }: GeminiSettings): number {
  return fidelity === 'strict' ? Math.min(maxFileBytes, VENDOR_FILE_BYTES) : maxFileBytes
}

/** @throws ServiceError `bytes-too-many`, in the vendor's words where the limit is the vendor's */
export function requireFit(maxFileBytes: number, sizeBytes: number): void {
  if (sizeBytes <= maxFileBytes) return
  const limit = maxFileBytes === VENDOR_FILE_BYTES ? '2 GB' : `${maxFileBytes} bytes`
  throw new ServiceError('bytes-too-many', `File exceeds ${limit}.`)
}

/**
 * The vendor's quota, for those who ask for it. Uploads at the same time may pass it together.
 * @throws ServiceError `quota-exceeded`
 */
export async function requireVendorQuota(
  { metadata }: Services,
  { fidelity }: Caller,
  projectId: string,
  sizeBytes: number,
): Promise<void> {
  if (fidelity !== 'strict') return
  const { bytes } = await metadata.usage('project', projectId)
  if (bytes + sizeBytes <= VENDOR_PROJECT_BYTES) return
  throw new ServiceError('quota-exceeded', 'Resource has been exhausted: a project holds at most 20 GB.')
}
