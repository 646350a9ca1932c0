import { isStoreError } from '../errors.ts'
import type { Services } from '../services.ts'
import { createOrganization, createProject } from './create-tenant.ts'
import type { Organization, Project } from './tenant.ts'

type Stores = Pick<Services, 'metadata' | 'clock'>

/** Of the organization and the project that every installation has. */
export const DEFAULT_SLUG = 'default'

/** The organization and project `default`, made if they are not there; safe when two processes do it at once. */
export async function ensureDefaultTenant(
  stores: Stores,
): Promise<{ readonly organization: Organization; readonly project: Project }> {
  const { metadata } = stores
  const organization = await ensure(
    () => metadata.findOrganization(DEFAULT_SLUG),
    async () => (await createOrganization(stores, DEFAULT_SLUG, DEFAULT_SLUG)).organization,
  )
  const project = await ensure(
    () => metadata.findProject(organization.id, DEFAULT_SLUG),
    () => createProject(stores, organization.id, DEFAULT_SLUG),
  )
  return { organization, project }
}

async function ensure<T>(find: () => Promise<T | undefined>, make: () => Promise<T>): Promise<T> {
  const found = await find()
  if (found !== undefined) return found
  try {
    return await make()
  } catch (error) {
    const theirs = isStoreError(error, 'conflict') ? await find() : undefined
    if (theirs === undefined) throw error
    return theirs
  }
}
