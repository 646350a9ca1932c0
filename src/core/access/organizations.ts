import { isStoreError, ServiceError } from '../errors.ts'
import { type Listed, listed } from '../listed.ts'
import type { PageAfter, SlugCursor } from '../ports/tenant-store.ts'
import { type Administrator, organizationFor, requireOperator, type Stores } from './administrator.ts'
import { faultOfSlug, requireNoFault } from './names.ts'
import {
  createOrganization,
  DEFAULT_SLUG,
  type ListedOrganization,
  type Organization,
  type Tenant,
} from './tenants.ts'

/** Makes an organization with a project of the name `default`. @throws ServiceError `role-missing`, `field-invalid`, `name-taken` */
export async function addOrganization(
  stores: Stores,
  by: Administrator,
  { slug }: Pick<Organization, 'slug'>,
): Promise<Tenant> {
  requireOperator(by, 'Making an organization')
  requireNoFault('slug', faultOfSlug(slug))
  return createOrganization(stores, slug, DEFAULT_SLUG).catch((error) => {
    if (!isStoreError(error, 'conflict')) throw error
    throw new ServiceError('name-taken', `There is an organization "${slug}" already.`, { field: 'slug' })
  })
}

/** By slug: all of them for operators, the administrator's own for others. */
export async function listOrganizations(
  stores: Pick<Stores, 'metadata'>,
  by: Administrator,
  page: PageAfter<SlugCursor>,
): Promise<Listed<ListedOrganization>> {
  if (by.role !== 'operator') return listed([await readOrganization(stores, by)], page.limit)
  return listed(await stores.metadata.pageOrganizations({ ...page, limit: page.limit + 1 }), page.limit)
}

/** By id or slug; by default the administrator's own. @throws ServiceError `organization-not-found` */
export async function readOrganization(
  stores: Pick<Stores, 'metadata'>,
  by: Administrator,
  idOrSlug?: string,
): Promise<ListedOrganization> {
  const { metadata } = stores
  const organization = await organizationFor(stores, by, idOrSlug)
  const [{ files, bytes }, projects] = await Promise.all([
    metadata.usage('organization', organization.id),
    metadata.listProjects(organization.id),
  ])
  return { ...organization, usedFiles: files, usedBytes: bytes, projects: projects.length }
}
