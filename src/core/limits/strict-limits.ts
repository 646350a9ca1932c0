import type { Caller } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'

/*
 * What a vendor bounds and this server need not: keys whose fidelity is strict are held to it, beside what the operator sets.
 */

/**
 * The largest file that a caller may upload through a dialect.
 * @param allowedBytes what the operator allows there
 * @param vendorBytes what the vendor takes
 */
export function maxFileBytesFor(
  { fidelity }: Pick<Caller, 'fidelity'>,
  allowedBytes: number,
  vendorBytes: number,
): number {
  return fidelity === 'strict' ? Math.min(allowedBytes, vendorBytes) : allowedBytes
}

/** What a vendor stores at most. */
export interface VendorQuota {
  /** For whom. */
  readonly holder: 'organization' | 'project'
  readonly maxBytes: number
  /** In the vendor's words. */
  readonly refusal: string
}

/**
 * Holds strict keys to the vendor's quota. Uploads at the same time may pass it together.
 * @param projectId of the file to come
 * @param moreBytes of it that are not counted yet
 * @throws ServiceError `quota-exceeded`
 */
export async function requireVendorQuota(
  { metadata }: Pick<Services, 'metadata'>,
  { fidelity, organizationId }: Pick<Caller, 'fidelity' | 'organizationId'>,
  { holder, maxBytes, refusal }: VendorQuota,
  projectId: string,
  moreBytes: number,
): Promise<void> {
  if (fidelity !== 'strict') return
  const { bytes } = await metadata.usage(holder, holder === 'project' ? projectId : organizationId)
  if (bytes + moreBytes > maxBytes) throw new ServiceError('quota-exceeded', refusal)
}
