import { hash } from 'node:crypto'
import type { Caller, KeyCaller } from '../caller.ts'
import { ServiceError } from '../errors.ts'
import type { Allowance, LimitClass } from '../limits/rate-limit.ts'
import type { Grant } from '../ports/sessions.ts'
import type { Policy, Services } from '../services.ts'
import { traced } from '../trace.ts'
import { type ApiKey, isAtLeast, isValidKey, type Role, type Scope } from './keys.ts'

/**
 * Finds the holder of a secret by its hash. Every request looks it up, so a key is valid as soon as any process makes it,
 * and invalid as soon as any process revokes it, or its time is over.
 * @param refusal what the caller is told, in the vendor's words
 * @throws ServiceError `unauthenticated` for an absent, unknown, revoked or ended secret alike; `rate-limited` instead for one
 *   of many such secrets
 */
export const authenticate = traced('authenticate', callerBySecret)

async function callerBySecret(
  services: Services,
  secret: string | undefined,
  refusal = 'The API key is missing or not valid.',
): Promise<KeyCaller> {
  // A request without a key guesses none.
  if (!secret) throw new ServiceError('unauthenticated', refusal)
  return callerWith(services, await services.metadata.findKey(hashSecret(secret)), refusal)
}

/**
 * The secret in an `authorization`, a header or a metadata entry: all that follows its scheme.
 * @param scheme what precedes it, the first blank included
 */
export function secretIn(authorization = '', scheme = /^bearer /i): string | undefined {
  const [prefix] = scheme.exec(authorization) ?? []
  return prefix === undefined ? undefined : authorization.slice(prefix.length).trim()
}

/** The holder of a key that was looked up. @throws ServiceError like `authenticate` */
export function callerWith(
  { guesses, policy, clock }: Services,
  key: ApiKey | undefined,
  refusal: string,
): KeyCaller {
  if (key !== undefined && isValidKey(key, clock.now())) return callerOf(key, policy)
  guesses.count()
  throw new ServiceError('unauthenticated', refusal)
}

/** What an operation asks of its caller. */
export interface Access {
  /** `any`: any key will do. */
  readonly scope: Scope | 'any'
  /** The class of requests in which it counts. */
  readonly limit: LimitClass
  /** The least one. Undefined: a viewer's where it only reads, else a member's; see `leastRole`. */
  readonly role?: Role
}

/** The least role that will do: more than a viewer's, unless it is told, for what asks to change files or counts as a write. */
export function leastRole({ scope, limit, role }: Access): Role {
  const onlyReads = limit !== 'write' && (scope === 'any' || scope === 'files:read')
  return role ?? (onlyReads ? 'viewer' : 'member')
}

export interface Entrance {
  /** Runs before anything is counted or allowed. @throws ServiceError */
  readonly check?: () => void
  /** Learns the state of the bucket, also before a refusal. */
  readonly onAllowance?: (allowance: Allowance) => void
}

/**
 * Lets a caller in whose key is known: checks rate, that a viewer only reads, scope, then the role that the operation asks
 * for. Clients see the order: a request without the scope or role has used up a token.
 * @throws ServiceError `rate-limited`, `scope-missing`, `role-missing`; what `check` throws, uncounted
 */
export async function admit(
  { rates }: Services,
  caller: Caller,
  access: Access,
  { check, onAllowance }: Entrance = {},
): Promise<void> {
  const { scope, limit } = access
  const { organizationId } = caller
  try {
    check?.()
  } catch (error) {
    const standing = await rates.peek(organizationId, limit)
    if (standing) onAllowance?.(standing)
    throw error
  }
  const allowance = await rates.take(organizationId, limit)
  if (allowance) onAllowance?.(allowance)
  if (allowance?.admitted === false) throw limitReached(limit, allowance)
  const role = leastRole(access)
  if (role === 'member') requireRole(caller, role, 'This operation')
  if (scope !== 'any') requireScope(caller, scope)
  requireRole(caller, role, 'This operation')
}

/** @throws ServiceError `scope-missing` */
export function requireScope(caller: Caller, scope: Scope): void {
  if (!hasScope(caller, scope)) throw new ServiceError('scope-missing', `This key lacks the scope ${scope}.`)
}

/** @param role the least that will do. @param what needs it; begins the message. @throws ServiceError `role-missing` */
export function requireRole(caller: Pick<Caller, 'role'>, role: Role, what: string): void {
  if (isAtLeast(caller.role, role)) return
  throw new ServiceError('role-missing', `${what} needs ${holders[role]}.`)
}

const holders: Readonly<Record<Role, string>> = {
  viewer: 'a key',
  member: "a key that may change something, and this one is a viewer's",
  admin: 'the key of an organization admin',
  operator: 'the key of an operator',
}

function limitReached(limit: LimitClass, { retryAfterSeconds }: Allowance): ServiceError {
  const name = limit[0]?.toUpperCase() + limit.slice(1)
  const plural = retryAfterSeconds === 1 ? '' : 's'
  const message = `${name} limit reached; try again in ${retryAfterSeconds} second${plural}.`
  return new ServiceError('rate-limited', message, { retryAfterSeconds })
}

/** The form in which a secret is stored and looked up. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'hex')
}

/** Who has a session that stands for no key. */
export function callerOfGrant(
  { organizationId, projectIds, userId, role, scopes }: Grant,
  { fidelity }: Policy,
): Caller {
  const subject = { type: 'user', id: userId } as const
  return { keyId: null, organizationId, projectIds, subject, role, scopes, fidelity }
}

function callerOf(key: ApiKey, policy: Policy): KeyCaller {
  return {
    keyId: key.id,
    organizationId: key.organizationId,
    projectIds: key.projectIds,
    subject:
      key.userId === null ? { type: 'project', id: defaultProject(key) } : { type: 'user', id: key.userId },
    role: key.role,
    scopes: key.scopes,
    fidelity: key.fidelity ?? policy.fidelity,
  }
}

/** The same caller where admins act for their whole organization: its projects are all the caller's, its own ones first. */
export async function acrossOrganization({ metadata }: Services, caller: Caller): Promise<Caller> {
  if (!isAtLeast(caller.role, 'admin')) return caller
  const all = await metadata.listProjects(caller.organizationId)
  return { ...caller, projectIds: [...new Set([...caller.projectIds, ...all.map(({ id }) => id)])] }
}

export function defaultProject(holder: Pick<Caller, 'projectIds'>): string {
  const [first] = holder.projectIds
  if (first === undefined) throw new Error('a key without a project')
  return first
}

export function hasScope(caller: Pick<Caller, 'scopes'>, scope: Scope): boolean {
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
