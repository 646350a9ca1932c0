import { ServiceError } from '../errors.ts'
import type { Holder, Usage } from '../ports/changes.ts'
import { type Administrator, organizationFor, requireOperator, type Stores } from './administrator.ts'
import { isAtLeast } from './keys.ts'
import { projectOf } from './projects.ts'
import type { InUse, Organization, Project } from './tenants.ts'

/** Bounds on files and bytes; null: none. */
export interface Bounds {
  readonly files: number | null
  readonly bytes: number | null
}

/** A project by its id or slug; of the administrator's own organization unless one is named or, for operators, the id tells. */
export interface NamedProject {
  readonly idOrSlug: string
  readonly organization: string | undefined
}

/** The bounds of a project, and of the organization that it is in. */
export interface ProjectQuota {
  readonly organization: Organization
  readonly project: InUse<Project>
}

/**
 * Replaces the bounds of an organization, by id or slug. More may be used than they allow: then nothing is added until it is
 * less.
 * @throws ServiceError `role-missing`, `organization-not-found`, `field-invalid`
 */
export async function setOrganizationQuota(
  stores: Stores,
  by: Administrator,
  idOrSlug: string,
  bounds: Bounds,
): Promise<InUse<Organization>> {
  const organization = await organizationFor(stores, by, idOrSlug)
  requireOperator(by, 'The quota of an organization')
  return setQuota(stores, 'organization', organization, bounds)
}

/**
 * The same of a project.
 * @throws ServiceError `project-not-found`, `organization-not-found`, `field-invalid`
 */
export async function setProjectQuota(
  stores: Stores,
  by: Administrator,
  project: NamedProject,
  bounds: Bounds,
): Promise<ProjectQuota> {
  const found = await findProject(stores, by, project)
  return { ...found, project: await setQuota(stores, 'project', found.project, bounds) }
}

/** @throws ServiceError as `setProjectQuota` */
export async function readProject(
  stores: Pick<Stores, 'metadata'>,
  by: Administrator,
  project: NamedProject,
): Promise<ProjectQuota> {
  const found = await findProject(stores, by, project)
  return { ...found, project: inUse(found.project, await stores.metadata.usage('project', found.project.id)) }
}

async function findProject(
  stores: Pick<Stores, 'metadata'>,
  by: Administrator,
  { idOrSlug, organization }: NamedProject,
): Promise<{ readonly organization: Organization; readonly project: Project }> {
  const foreign = isAtLeast(by.role, 'operator') && organization === undefined
  const project = foreign ? await stores.metadata.findProjectById(idOrSlug) : undefined
  const owner = await organizationFor(stores, by, organization ?? project?.organizationId)
  return { organization: owner, project: project ?? (await projectOf(stores, owner, idOrSlug)) }
}

async function setQuota<T extends Organization | Project>(
  { metadata }: Stores,
  holder: Holder,
  record: T,
  { files, bytes }: Bounds,
): Promise<InUse<T>> {
  requireBound('files', files)
  requireBound('bytes', bytes)
  const { id } = record
  await metadata.commit([{ kind: 'quota.set', holder, id, quotaFiles: files, quotaBytes: bytes }])
  return inUse({ ...record, quotaFiles: files, quotaBytes: bytes }, await metadata.usage(holder, id))
}

/** A record, with what is used of it. */
export function inUse<T>(record: T, { files, bytes }: Usage): InUse<T> {
  return { ...record, usedFiles: files, usedBytes: bytes }
}

function requireBound(field: 'files' | 'bytes', bound: number | null): void {
  if (bound === null || (Number.isSafeInteger(bound) && bound >= 0)) return
  const message = `${field} must be a whole number from 0 on, or null for no bound.`
  throw new ServiceError('field-invalid', message, { field })
}
