import { randomUUID } from 'node:crypto'
import type { Services } from '../services.ts'
import type { Organization, Project } from './tenant.ts'

const noQuota = { quotaFiles: null, quotaBytes: null }

type Tenants = Pick<Services, 'metadata' | 'clock'>

/** Makes an organization with its first project: both or neither. @throws StoreError `conflict` if the slug is taken */
export async function createOrganization(
  { metadata, clock }: Tenants,
  slug: string,
  projectSlug: string,
): Promise<{ readonly organization: Organization; readonly project: Project }> {
  const createdAt = clock.now()
  const organization = { id: randomUUID(), slug, createdAt, ...noQuota }
  const project = {
    id: randomUUID(),
    organizationId: organization.id,
    slug: projectSlug,
    createdAt,
    ...noQuota,
  }
  await metadata.commit([
    { kind: 'organization.insert', organization },
    { kind: 'project.insert', project },
  ])
  return { organization, project }
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
