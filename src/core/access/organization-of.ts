import type { Caller } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { isAtLeast } from './keys.ts'

/**
 * The organization that a request means: the one it names, by id or slug, if it is the caller's or the caller is an operator; else
 * the caller's.
 * @throws ServiceError `project-forbidden`; whether an organization exists that the caller may not see is not told
 */
export async function organizationOf(
  { metadata }: Pick<Services, 'metadata'>,
  caller: Pick<Caller, 'organizationId' | 'role'>,
  named: string | undefined,
): Promise<string> {
  if (named === undefined || named === caller.organizationId) return caller.organizationId
  const found = await metadata.findOrganization(named)
  if (found && (found.id === caller.organizationId || isAtLeast(caller.role, 'operator'))) return found.id
  throw new ServiceError('project-forbidden', `This API key has no access to organization ${named}`)
}
