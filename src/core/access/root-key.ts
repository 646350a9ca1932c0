import { randomUUID } from 'node:crypto'
import { isStoreError } from '../errors.ts'
import type { Services } from '../services.ts'
import type { ApiKey } from './api-key.ts'
import { ensureDefaultTenant } from './default-tenant.ts'

type Stores = Pick<Services, 'metadata' | 'clock'>

const ROOT_KEY_NAME = 'root (environment)'

/** What became of the root keys. */
export interface RootKeyChanges {
  readonly made: readonly ApiKey[]
  /** Replaced by another value. */
  readonly ended: readonly ApiKey[]
}

/** The root keys that are valid: each has a value that some server carries, or carried last. */
export async function validRootKeys({ metadata }: Pick<Stores, 'metadata'>): Promise<readonly ApiKey[]> {
  return (await metadata.listKeys(ROOT_KEY_NAME)).filter(({ revokedAt }) => revokedAt === null)
}

/**
 * Makes the values that servers carry valid and ends all others. Where nobody carries a value everything stays as it is: a
 * server without one says nothing about the key. Repeating it changes nothing.
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
  for (const key of others) if (!carried.has(key.hash) && (await replaceRootKey(stores, key))) ended.push(key)
  return { made, ended }
}

/**
 * Makes a value valid, unless it is already or was revoked by hand, which is for good. One that was only replaced comes
 * back as a new key.
 * @param hash SHA-256 of the value, lower-case hex
 */
export async function admitRootKey(
  stores: Stores,
  hash: string,
): Promise<{ readonly key: ApiKey; readonly isNew: boolean }> {
  const { metadata } = stores
  const known = await metadata.findKey(hash)
  if (known !== undefined) return { key: known, isNew: false }
  const key = await rootKeyOf(stores, hash)
  try {
    await metadata.commit([{ kind: 'key.insert', key }])
    return { key, isNew: true }
  } catch (error) {
    // Another process that starts at the same time may have been faster.
    const theirs = isStoreError(error, 'conflict') ? await metadata.findKey(hash) : undefined
    if (theirs === undefined) throw error
    return { key: theirs, isNew: false }
  }
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
    role: 'admin',
    scopes: [],
    createdAt: stores.clock.now(),
    revokedAt: null,
  }
}

/** @returns false if it was revoked or replaced meanwhile */
async function replaceRootKey({ metadata, clock }: Stores, { id }: ApiKey): Promise<boolean> {
  try {
    await metadata.commit([{ kind: 'key.replace', id, replacedAt: clock.now() }])
    return true
  } catch (error) {
    if (isStoreError(error, 'conflict')) return false
    throw error
  }
}
