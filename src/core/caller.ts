import type { ApiKey, Role, Scope } from './access/keys.ts'
import { ServiceError } from './errors.ts'
import type { Services } from './services.ts'

/** Who acts: a user, or the project that its key belongs to. */
export interface Subject {
  readonly type: 'user' | 'project'
  readonly id: string
}

/** An authenticated request's identity. Everything that a use case may ask about the one who calls. */
export interface Caller {
  readonly keyId: string
  readonly organizationId: string
  /** At least one; the first is the default. */
  readonly projectIds: readonly string[]
  readonly subject: Subject
  readonly role: Role
  /** Empty means all. */
  readonly scopes: readonly Scope[]
}

export function callerOf(key: ApiKey): Caller {
  return {
    keyId: key.id,
    organizationId: key.organizationId,
    projectIds: key.projectIds,
    subject:
      key.userId === null ? { type: 'project', id: defaultProject(key) } : { type: 'user', id: key.userId },
    role: key.role,
    scopes: key.scopes,
  }
}

export function defaultProject(holder: Pick<Caller, 'projectIds'>): string {
  const [first] = holder.projectIds
  if (first === undefined) throw new Error('a key without a project')
  return first
}

export function hasScope(caller: Caller, scope: Scope): boolean {
  return caller.scopes.length === 0 || caller.scopes.includes(scope)
}

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
