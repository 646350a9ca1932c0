import { randomUUID } from 'node:crypto'
import { unlessConflict } from '../errors.ts'
import type { Change } from '../ports/changes.ts'
import type { Services } from '../services.ts'
import { type ApiKey, highestRole } from './keys.ts'
import { ensureDefaultTenant } from './tenants.ts'

type Stores = Pick<Services, 'metadata' | 'clock'>

export const ROOT_KEY_NAME = 'root (environment)'

/** Which root keys changed. */
export interface RootKeyChanges {
  readonly made: readonly ApiKey[]
  /** Replaced by another value. */
  readonly ended: readonly ApiKey[]
}

/** The valid root keys. Each has a value that some server has, or was the last to have. */
export async function validRootKeys({ metadata }: Pick<Stores, 'metadata'>): Promise<readonly ApiKey[]> {
  return (await metadata.listKeys(ROOT_KEY_NAME)).filter(({ revokedAt }) => revokedAt === null)
}

/**
 * Makes the values of these servers valid and ends all others. Without any value nothing changes, because a server without
 * one says nothing about the key. Repeating it changes nothing.
 * @param carried SHA-256 of the values, lower-case hex
 */
export async function syncRootKeys(stores: Stores, carried: ReadonlySet<string>): Promise<RootKeyChanges> {
  const made: ApiKey[] = []
  for (const hash of carried) {
    const { key, isNew } = await admitRootKey(stores, hash)
    if (isNew) made.push(key)
  }
  const others = carried.size === 0 ? [] : await validRootKeys(stores)
  const ended: ApiKey[] = []
  for (const key of others) {
    if (carried.has(key.hash)) continue
    const replacedAt = stores.clock.now()
    if (await commits(stores, { kind: 'key.replace', id: key.id, replacedAt })) ended.push(key)
  }
  return { made, ended }
}

/**
 * Makes a value valid, unless it is valid or was revoked by hand, which is final. A value that was replaced comes back as a
 * new key.
 * @param hash SHA-256 of the value, lower-case hex
 */
export async function admitRootKey(
  stores: Stores,
  hash: string,
): Promise<{ readonly key: ApiKey; readonly isNew: boolean }> {
  const { metadata } = stores
  const known = await metadata.findKey(hash)
  if (known !== undefined) return { key: await promoted(stores, known), isNew: false }
  const key = await rootKeyOf(stores, hash)
  if (await commits(stores, { kind: 'key.insert', key })) return { key, isNew: true }
  // Another process that starts at the same time was faster.
  const theirs = await metadata.findKey(hash)
  if (theirs === undefined) throw new Error('the root key was made and ended by another process meanwhile')
  return { key: theirs, isNew: false }
}

/** Root keys of releases before are admins'. */
async function promoted(stores: Stores, key: ApiKey): Promise<ApiKey> {
  const role = await highestRole(stores.metadata)
  if (key.name !== ROOT_KEY_NAME || key.role === role || role !== 'operator') return key
  return (await commits(stores, { kind: 'key.set-role', id: key.id, role })) ? { ...key, role } : key
}

/** @returns false if another process was faster */
async function commits({ metadata }: Stores, change: Change): Promise<boolean> {
  return (await unlessConflict(metadata.commit([change]).then(() => true))) ?? false
}

async function rootKeyOf(stores: Stores, hash: string): Promise<ApiKey> {
  const { organization, project } = await ensureDefaultTenant(stores)
  return {
    id: randomUUID(),
    hash,
    name: ROOT_KEY_NAME,
    organizationId: organization.id,
    projectIds: [project.id],
    userId: 'root',
    role: await highestRole(stores.metadata),
    scopes: [],
    fidelity: null,
    expiresAt: null,
    createdAt: stores.clock.now(),
    revokedAt: null,
  }
}
