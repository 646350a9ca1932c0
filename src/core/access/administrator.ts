import type { Caller } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { requireRole } from './admit.ts'
import { isAtLeast } from './keys.ts'
import type { Organization } from './tenants.ts'

/** Who administers, and may give nobody more than it has. */
export type Administrator = Pick<Caller, 'keyId' | 'organizationId' | 'projectIds' | 'role' | 'scopes'>

/** What use cases of administration need. */
export type Stores = Pick<Services, 'metadata' | 'clock'>

/** Whoever has the stores at hand, as on the command line, in this organization. */
export function ownerOfStores({ id }: Pick<Organization, 'id'>): Administrator {
  return { keyId: null, organizationId: id, projectIds: [], role: 'operator', scopes: [] }
}

/**
 * The organization that is meant, by id or slug; by default the administrator's own.
 * @param field in which it was named, if not in the address
 * @throws ServiceError `organization-not-found`, or `field-invalid` if a field names it; also for one that only operators
 *   administer
 */
export async function organizationFor(
  { metadata }: Pick<Services, 'metadata'>,
  by: Administrator,
  idOrSlug = by.organizationId,
  field?: string,
): Promise<Organization> {
  const found = await metadata.findOrganization(idOrSlug)
  if (found && (found.id === by.organizationId || isAtLeast(by.role, 'operator'))) return found
  throw missing('organization-not-found', `There is no organization "${idOrSlug}".`, idOrSlug, field)
}

/** All organizations are for operators alone. @throws ServiceError `role-missing` */
export function requireOperator(by: Administrator, what: string): void {
  requireRole(by, 'operator', what)
}

export function missing(
  code: 'organization-not-found' | 'project-not-found',
  message: string,
  id: string,
  field: string | undefined,
): ServiceError {
  return field === undefined
    ? new ServiceError(code, message, { id })
    : new ServiceError('field-invalid', message, { field })
}
