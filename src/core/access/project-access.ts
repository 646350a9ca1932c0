import { type Caller, defaultProject } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'

/**
 * The project that a request means: the one it names, by id or slug, if the key may use it; else the default project of
 * the key.
 * @throws ServiceError `project-forbidden`; whether a project exists that the key may not use is not told
 */
export async function resolveProject(
  { metadata }: Services,
  caller: Caller,
  requested: { readonly project: string | undefined; readonly organization: string | undefined },
): Promise<string> {
  const { project, organization } = requested
  if (organization !== undefined && organization !== caller.organizationId) {
    const named = await metadata.findOrganization(organization)
    if (named?.id !== caller.organizationId) throw forbidden(`organization ${organization}`)
  }
  if (project === undefined) return defaultProject(caller)
  if (caller.projectIds.includes(project)) return project
  const named = await metadata.findProject(caller.organizationId, project)
  if (named && caller.projectIds.includes(named.id)) return named.id
  throw forbidden(`project ${project}`)
}

function forbidden(what: string): ServiceError {
  return new ServiceError('project-forbidden', `This API key has no access to ${what}`)
}
