import { randomUUID } from 'node:crypto'
import { unlessConflict } from '../errors.ts'
import type { Services } from '../services.ts'

/** Bounds on what pending and stored files may take together; null: none. */
export interface Quota {
  readonly quotaFiles: number | null
  readonly quotaBytes: number | null
}

/** The tenant: owns projects and keys; rate limits and quotas are counted on it. */
export interface Organization extends Quota {
  /** UUID. */
  readonly id: string
  /** Unique in the installation. */
  readonly slug: string
  readonly createdAt: number
}

/** Holds files. Wherever a vendor names a project, folder or workspace, the UUID or the slug is accepted. */
export interface Project extends Quota {
  /** UUID. */
  readonly id: string
  readonly organizationId: string
  /** Free text, unique in the organization. */
  readonly slug: string
  readonly createdAt: number
}

/** With what its pending and stored files take, reservations included. */
export type InUse<Holder> = Holder & { readonly usedFiles: number; readonly usedBytes: number }

/** An organization as listings show it. */
export interface ListedOrganization extends InUse<Organization> {
  /** How many there are. */
  readonly projects: number
}

export interface Tenant {
  readonly organization: Organization
  readonly project: Project
}

type Stores = Pick<Services, 'metadata' | 'clock'>

const noQuota = { quotaFiles: null, quotaBytes: null }

/** Makes an organization with its first project: both or neither. @throws StoreError `conflict` if the slug is taken */
export async function createOrganization(
  { metadata, clock }: Stores,
  slug: string,
  projectSlug: string,
): Promise<Tenant> {
  const organization = { id: randomUUID(), slug, createdAt: clock.now(), ...noQuota }
  const project = newProject(organization.id, projectSlug, organization.createdAt)
  await metadata.commit([
    { kind: 'organization.insert', organization },
    { kind: 'project.insert', project },
  ])
  return { organization, project }
}

/** @throws StoreError `conflict` if the slug is taken in the organization */
export async function createProject(
  { metadata, clock }: Stores,
  organizationId: string,
  slug: string,
): Promise<Project> {
  const project = newProject(organizationId, slug, clock.now())
  await metadata.commit([{ kind: 'project.insert', project }])
  return project
}

function newProject(organizationId: string, slug: string, createdAt: number): Project {
  return { id: randomUUID(), organizationId, slug, createdAt, ...noQuota }
}

/** Of the organization and the project that every installation has. */
export const DEFAULT_SLUG = 'default'

/** The organization and project `default`, made if they are not there; safe when two processes do it at once. */
export async function ensureDefaultTenant(stores: Stores): Promise<Tenant> {
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
  const found = (await find()) ?? (await unlessConflict(make())) ?? (await find())
  if (found === undefined) throw new Error(`"${DEFAULT_SLUG}" can be neither found nor made`)
  return found
}
