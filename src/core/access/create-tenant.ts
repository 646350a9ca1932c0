import { randomUUID } from 'node:crypto'
import type { Services } from '../services.ts'
import type { Organization, Project } from './tenant.ts'

const noQuota = { quotaFiles: null, quotaBytes: null }

type Tenants = Pick<Services, 'metadata' | 'clock'>

/** @throws StoreError `conflict` if the slug is taken */
export async function createOrganization({ metadata, clock }: Tenants, slug: string): Promise<Organization> {
  const organization = { id: randomUUID(), slug, createdAt: clock.now(), ...noQuota }
  await metadata.commit([{ kind: 'organization.insert', organization }])
  return organization
}

/** @throws StoreError `conflict` if the slug is taken in the organization */
export async function createProject(
  { metadata, clock }: Tenants,
  organizationId: string,
  slug: string,
): Promise<Project> {
  const project = { id: randomUUID(), organizationId, slug, createdAt: clock.now(), ...noQuota }
  await metadata.commit([{ kind: 'project.insert', project }])
  return project
}
