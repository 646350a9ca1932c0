import { isStoreError, ServiceError } from '../errors.ts'
import { type Listed, listed } from '../listed.ts'
import type { SlugCursor } from '../ports/tenant-store.ts'
import type { Services } from '../services.ts'
import {
  type Administrator,
  missing,
  organizationFor,
  requireOperator,
  type Stores,
} from './administrator.ts'
import { isAtLeast } from './keys.ts'
import { faultOfSlug, requireNoFault } from './names.ts'
import { createProject, type InUse, type Organization, type Project } from './tenants.ts'

/** Of whose projects or keys a listing is: those of one organization, by id or slug; of all; by default of the own one. */
export type OfOrganization = string | typeof ALL_ORGANIZATIONS | undefined
export const ALL_ORGANIZATIONS = '*'
const PROJECTS_AT_ONCE = 1000

export interface ListProjects {
  readonly organization: OfOrganization
  readonly after: SlugCursor | undefined
  readonly limit: number
}

/**
 * Makes a project. Of keys that there are, those of admins get into it, and no others.
 * @throws ServiceError `role-missing`, `field-invalid`, `name-taken`
 */
export async function addProject(
  stores: Stores,
  by: Administrator,
  { slug, organization }: { readonly slug: string; readonly organization: string | undefined },
): Promise<{ readonly organization: Organization; readonly project: Project }> {
  const owner = await organizationFor(stores, by, organization, 'organization')
  requireNoFault('slug', faultOfSlug(slug))
  const project = await createProject(stores, owner.id, slug).catch((error) => {
    if (!isStoreError(error, 'conflict')) throw error
    const message = `There is a project "${slug}" in the organization "${owner.slug}" already.`
    throw new ServiceError('name-taken', message, { field: 'slug' })
  })
  return { organization: owner, project }
}

/** By slug: those of the caller's own organization that it may use, or, for operators, those of others, too. */
export async function listProjects(
  stores: Pick<Services, 'metadata'>,
  by: Administrator,
  { organization, after, limit }: ListProjects,
): Promise<Listed<InUse<Project>>> {
  const organizationId = await organizationIdFor(stores, by, organization)
  const { metadata } = stores
  if (isAtLeast(by.role, 'admin'))
    return listed(await metadata.pageProjects({ organizationId, after, limit: limit + 1 }), limit)
  // A page that ended at another project would name it.
  const usable: InUse<Project>[] = []
  for (let place = after, hasMore = true; hasMore && usable.length <= limit; ) {
    const found = await metadata.pageProjects({ organizationId, after: place, limit: PROJECTS_AT_ONCE })
    usable.push(...found.filter(({ id }) => by.projectIds.includes(id)))
    hasMore = found.length === PROJECTS_AT_ONCE
    place = found.at(-1)
  }
  return listed(usable, limit)
}

/** Undefined: of all. @throws ServiceError `role-missing`, `field-invalid` */
export async function organizationIdFor(
  stores: Pick<Services, 'metadata'>,
  by: Administrator,
  organization: OfOrganization,
): Promise<string | undefined> {
  if (organization !== ALL_ORGANIZATIONS)
    return (await organizationFor(stores, by, organization, 'organization')).id
  requireOperator(by, 'Listing all organizations')
  return undefined
}

/** By id or slug. @throws ServiceError `project-not-found`, or `field-invalid` if a field names it */
export async function projectOf(
  { metadata }: Pick<Services, 'metadata'>,
  { id, slug }: Organization,
  idOrSlug: string,
  field?: string,
): Promise<Project> {
  const found = await metadata.findProject(id, idOrSlug)
  if (found !== undefined) return found
  const message = `There is no project "${idOrSlug}" in the organization "${slug}".`
  throw missing('project-not-found', message, idOrSlug, field)
}
