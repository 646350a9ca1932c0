import { randomInt, randomUUID } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { isStoreError, ServiceError, unlessConflict } from '../errors.ts'
import type { Services } from '../services.ts'
import { hashSecret } from './admit.ts'
import { ensureDefaultTenant } from './tenants.ts'

/** What a key may do. A key with no scopes has them all. */
export const scopes = ['files:create', 'files:read', 'files:update', 'files:delete'] as const
export type Scope = (typeof scopes)[number]

export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text)
}

/**
 * What the holder of a key may do besides what its scopes say, in ascending order: each may do what those before it may.
 * - `viewer`: reads, and changes nothing.
 * - `member`: uses the files of its projects.
 * - `admin`: sees what others hide, and administers its organization: projects, keys, the quotas of projects.
 * - `operator`: administers the installation: organizations and all that is in them, but their files.
 */
export const roles = ['viewer', 'member', 'admin', 'operator'] as const
export type Role = (typeof roles)[number]

export function isAtLeast(role: Role, least: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(least)
}

/** All that a viewer has, whatever its key names. */
export const VIEWER_SCOPES: readonly Scope[] = ['files:read']

/**
 * Which refusals of a vendor hold for callers.
 * - `open`: none that the service has no need of: everybody can read back what they stored, and a vendor's sizes and quotas
 *   bind nobody.
 * - `strict`: all that the vendor documents.
 */
export const fidelities = ['open', 'strict'] as const
export type Fidelity = (typeof fidelities)[number]

export interface IssueKey {
  readonly name: string
  readonly organizationId: string
  /** At least one; the first is the default. */
  readonly projectIds: readonly string[]
  /** The user the key acts for; null if it acts for its default project. */
  readonly userId: string | null
  readonly role: Role
  /** Empty means all. */
  readonly scopes: readonly Scope[]
  /** Null: the installation's. */
  readonly fidelity: Fidelity | null
  /** From then on it is as if it were revoked; null: it does not end. */
  readonly expiresAt: number | null
}

/** A secret's record. The secret itself is shown once and kept only as its SHA-256. */
export interface ApiKey extends IssueKey {
  /** UUID; names the key in listings and logs. */
  readonly id: string
  /** SHA-256 of the secret, lower-case hex. */
  readonly hash: string
  readonly createdAt: number
  readonly revokedAt: number | null
}

type Stores = Pick<Services, 'metadata' | 'clock'>

/** Whether a request with this key may still be let in. */
export function isValidKey({ revokedAt, expiresAt }: ApiKey, now: number): boolean {
  return revokedAt === null && (expiresAt === null || now < expiresAt)
}

/**
 * Makes a key. The secret is in the answer and nowhere else: it cannot be shown again.
 * @throws ServiceError `storage-unavailable` while a server runs that would let the key do more
 * @throws StoreError `conflict` if there is a key of this id
 */
export async function issueKey(
  { metadata, clock }: Stores,
  input: IssueKey,
  id: string = randomUUID(),
): Promise<{ readonly key: ApiKey; readonly secret: string }> {
  const secret = newSecret()
  await requireKnown(metadata, input)
  const scopes = input.role === 'viewer' ? VIEWER_SCOPES : input.scopes
  const key: ApiKey = {
    ...input,
    scopes,
    id,
    hash: hashSecret(secret),
    createdAt: clock.now(),
    revokedAt: null,
  }
  await metadata.commit([{ kind: 'key.insert', key }]).catch(async (error) => {
    // A commit whose answer was lost may have succeeded. Its key would exist, and nobody would know the secret.
    if (isStoreError(error, 'conflict') || (await metadata.findKey(key.hash)) === undefined) throw error
  })
  return { key, secret }
}

/** Servers of the release before would take a viewer for a member, and know no end. */
async function requireKnown(metadata: Stores['metadata'], { role, expiresAt }: IssueKey): Promise<void> {
  if (role !== 'viewer' && role !== 'operator' && expiresAt === null) return
  if (await metadata.knowsRoles()) return
  throw new ServiceError(
    'storage-unavailable',
    'Keys of viewers and operators, and keys with an end, can be made once no server of an older release runs.',
  )
}

/**
 * Makes an operator's key if there is no key. Of several processes one succeeds, because all use the same id. The caller has to
 * show the secret, which cannot be read later.
 * @returns its secret; undefined if there is a key already
 */
export async function issueFirstKey(stores: Stores): Promise<string | undefined> {
  const { metadata } = stores
  if ((await metadata.listKeys()).length > 0) return undefined
  const { organization, project } = await ensureDefaultTenant(stores)
  const key: IssueKey = {
    name: 'first key',
    organizationId: organization.id,
    projectIds: [project.id],
    userId: 'admin',
    role: await highestRole(metadata),
    scopes: [],
    fidelity: null,
    expiresAt: null,
  }
  return (await unlessConflict(issueKey(stores, key, await metadata.storeId())))?.secret
}

/** Servers of the release before would take an operator for a member. */
export async function highestRole(metadata: Stores['metadata']): Promise<Role> {
  return (await metadata.knowsRoles()) ? 'operator' : 'admin'
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SECRET_CHARACTERS = 32
const CHECKSUM_CHARACTERS = 6
export const KEY_PREFIX = 'ek_'

/**
 * A new secret: `ek_`, 32 random base62 characters (190 bits), and 6 of checksum (CRC-32 in base62), which lets scanners
 * of leaked secrets tell a key from noise.
 */
export function newSecret(): string {
  let random = ''
  for (let i = 0; i < SECRET_CHARACTERS; i++) random += BASE62[randomInt(BASE62.length)]
  return KEY_PREFIX + random + checksum(random)
}

function checksum(text: string): string {
  let value = crc32(text)
  let digits = ''
  for (let i = 0; i < CHECKSUM_CHARACTERS; i++) {
    digits = BASE62[value % BASE62.length] + digits
    value = Math.floor(value / BASE62.length)
  }
  return digits
}
