import { ServiceError, unlessConflict } from '../errors.ts'
import { type Listed, listed } from '../listed.ts'
import type { KeyCursor } from '../ports/tenant-store.ts'
import type { Services } from '../services.ts'
import { type Administrator, organizationFor, type Stores } from './administrator.ts'
import { hasScope, requireRole } from './admit.ts'
import {
  type ApiKey,
  type Fidelity,
  isAtLeast,
  issueKey,
  type Role,
  type Scope,
  scopes,
  VIEWER_SCOPES,
} from './keys.ts'
import { faultOfName, requireNoFault } from './names.ts'
import { type OfOrganization, organizationIdFor, projectOf } from './projects.ts'
import { DEFAULT_SLUG, type Organization } from './tenants.ts'

/** What is undefined has a default. */
export interface AddKey {
  readonly name: string
  /** By id or slug; by default the administrator's own. */
  readonly organization?: string | undefined
  /** By id or slug, the first is the default of the key; by default `default`, or where there is none the oldest. */
  readonly projects?: readonly string[] | undefined
  /** The user the key acts for; by default it acts for its first project. */
  readonly user?: string | null | undefined
  /** By default `member`. */
  readonly role?: Role | undefined
  /** None means all; by default those of the administrator. */
  readonly scopes?: readonly Scope[] | undefined
  readonly fidelity?: Fidelity | null | undefined
  /** By default the end of the key that makes it. */
  readonly expiresAt?: number | null | undefined
}

export interface ListKeys {
  readonly organization: OfOrganization
  readonly after: KeyCursor | undefined
  readonly limit: number
}

/**
 * Makes a key that may do nothing that its maker may not. The secret is in the answer and nowhere else.
 * @throws ServiceError `role-missing`, `scope-missing` and `field-invalid`, each with the field; `storage-unavailable` as
 *   `issueKey`
 */
export async function addKey(
  stores: Stores,
  by: Administrator,
  given: AddKey,
): Promise<{ readonly key: ApiKey; readonly secret: string }> {
  const { name, user = null, role = 'member', fidelity = null } = given
  requireNoFault('name', faultOfName(name))
  if (user !== null) requireNoFault('user', faultOfName(user))
  const organization = await organizationFor(stores, by, given.organization, 'organization')
  requireRoleWithin(by, role)
  return issueKey(stores, {
    name,
    organizationId: organization.id,
    projectIds: await projectIdsFor(stores, organization, given.projects),
    userId: user,
    role,
    scopes: scopesWithin(by, role, given.scopes),
    fidelity,
    expiresAt: await endWithin(stores, by, given.expiresAt),
  })
}

function requireRoleWithin(by: Administrator, role: Role): void {
  if (isAtLeast(by.role, role)) return
  throw new ServiceError('role-missing', `A key of the role ${by.role} makes none of the role ${role}.`, {
    field: 'role',
  })
}

function scopesWithin(by: Administrator, role: Role, asked: readonly Scope[] | undefined): readonly Scope[] {
  const all = role === 'viewer' ? VIEWER_SCOPES : scopes
  const granted = [...new Set(asked ?? (role === 'viewer' ? all : by.scopes))]
  const foreign = granted.find((scope) => !all.includes(scope))
  if (foreign !== undefined) throw invalid('scopes', `has ${foreign}, but a viewer has ${all.join()} alone`)
  const lacking = (granted.length > 0 ? granted : all).find((scope) => !hasScope(by, scope))
  if (lacking === undefined) return granted
  throw new ServiceError('scope-missing', `A key without the scope ${lacking} makes none with it.`, {
    field: 'scopes',
  })
}

async function projectIdsFor(
  stores: Stores,
  organization: Organization,
  asked: readonly string[] | undefined,
): Promise<readonly string[]> {
  const { metadata } = stores
  if (asked === undefined) {
    const found = await metadata.findProject(organization.id, DEFAULT_SLUG)
    const first = found ?? (await metadata.listProjects(organization.id))[0]
    if (first !== undefined) return [first.id]
  } else if (asked.length > 0) {
    const found: string[] = []
    for (const project of asked) found.push((await projectOf(stores, organization, project, 'projects')).id)
    return [...new Set(found)]
  }
  throw invalid('projects', 'has none, and a key needs one')
}

/** A key does not outlive the one that makes it. */
async function endWithin(
  { metadata, clock }: Stores,
  { keyId }: Administrator,
  asked: number | null | undefined,
): Promise<number | null> {
  const own = keyId === null ? undefined : await metadata.findKeyById(keyId)
  const last = own?.expiresAt ?? null
  const at = asked === undefined ? last : asked
  if (at !== null && at <= clock.now()) throw invalid('expiresAt', 'is not in the future')
  if (last === null || (at !== null && at <= last)) return at
  throw invalid(
    'expiresAt',
    `is later than the end of the key that makes it, ${new Date(last).toISOString()}`,
  )
}

/** Newest first, revoked ones included. @throws ServiceError `field-invalid`, `role-missing` for those of all organizations */
export async function listKeys(
  stores: Pick<Services, 'metadata'>,
  by: Administrator,
  { organization, after, limit }: ListKeys,
): Promise<Listed<ApiKey>> {
  const organizationId = await organizationIdFor(stores, by, organization)
  return listed(await stores.metadata.pageKeys({ organizationId, after, limit: limit + 1 }), limit)
}

/** @throws ServiceError `key-not-found` */
export async function readKey(
  { metadata }: Pick<Services, 'metadata'>,
  by: Administrator,
  id: string,
): Promise<ApiKey> {
  const key = await metadata.findKeyById(id)
  if (key && (key.organizationId === by.organizationId || isAtLeast(by.role, 'operator'))) return key
  throw new ServiceError('key-not-found', 'There is no such key.', { id })
}

/**
 * Ends a key and the sessions that were opened with it, at once and for good.
 * @returns the key as it was before; revoking it again changes nothing
 * @throws ServiceError `key-not-found`, `role-missing` for the key of somebody who may more
 */
export async function revokeKey(stores: Stores, by: Administrator, id: string): Promise<ApiKey> {
  const key = await readKey(stores, by, id)
  requireRole(by, key.role, 'Revoking this key')
  const { metadata, clock } = stores
  await unlessConflict(metadata.commit([{ kind: 'key.revoke', id, revokedAt: clock.now() }]))
  return key
}

function invalid(field: string, fault: string): ServiceError {
  return new ServiceError('field-invalid', `${field} ${fault}.`, { field })
}
