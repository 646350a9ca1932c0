import type { ApiKey, Role, Scope } from './access/keys.ts'

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
