import { randomBytes, randomUUID } from 'node:crypto'
import { isStoreError } from '../errors.ts'
import type { LinkKey } from '../links/signed-link.ts'
import type { Services } from '../services.ts'
import { type ApiKey, hashSecret } from './api-key.ts'
import { createOrganization, createProject } from './create-tenant.ts'
import { issueKey } from './issue-key.ts'
import type { Organization, Project } from './tenant.ts'

type Stores = Pick<Services, 'metadata' | 'clock'>

const DEFAULT_SLUG = 'default'
const ROOT_KEY_NAME = 'root (environment)'
/** Hexadecimal digits of the random id of the store. */
const LINK_KEY_ID_CHARACTERS = 8

/**
 * Makes what a server cannot do without: the organization and project `default`, and the key of the environment. Repeating
 * it changes nothing.
 */
export async function bootstrap(stores: Stores, rootSecret: string | undefined): Promise<void> {
  const { organization, project } = await ensureDefaultTenant(stores)
  await syncRootKey(stores, organization, project, rootSecret)
}

/**
 * An admin key, if there is no key at all. Of several processes that do it at once one makes it, for they give it the same
 * id. Only for whoever is about to show it: nobody can later.
 * @returns its secret; undefined if there is a key already
 */
export async function issueFirstKey(stores: Stores): Promise<string | undefined> {
  const { metadata } = stores
  if ((await metadata.listKeys()).length > 0) return undefined
  const { organization, project } = await ensureDefaultTenant(stores)
  const key = {
    name: 'first key',
    organizationId: organization.id,
    projectIds: [project.id],
    userId: 'admin',
    role: 'admin',
    scopes: [],
  } as const
  try {
    return (await issueKey(stores, key, await metadata.storeId())).secret
  } catch (error) {
    if (isStoreError(error, 'conflict')) return undefined
    throw error
  }
}

/**
 * The keys that sign links, newest first; makes the first one. Of several processes that do it at once one makes it, for
 * they give it the same id, and so all sign and know the same.
 */
export async function ensureLinkKeys({ metadata, clock }: Stores): Promise<readonly LinkKey[]> {
  const known = await metadata.listLinkKeys()
  if (known.length > 0) return known
  const linkKey = {
    id: (await metadata.storeId()).slice(0, LINK_KEY_ID_CHARACTERS),
    secret: randomBytes(32).toString('hex'),
    createdAt: clock.now(),
  }
  await metadata.commit([{ kind: 'link-key.insert', linkKey }]).catch((error) => {
    if (!isStoreError(error, 'conflict')) throw error
  })
  return metadata.listLinkKeys()
}

/** The organization and project `default`, made if they are not there; safe when two processes do it at once. */
export async function ensureDefaultTenant(
  stores: Stores,
): Promise<{ readonly organization: Organization; readonly project: Project }> {
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
  const found = await find()
  if (found !== undefined) return found
  try {
    return await make()
  } catch (error) {
    const theirs = isStoreError(error, 'conflict') ? await find() : undefined
    if (theirs === undefined) throw error
    return theirs
  }
}

/** The key of the environment is the only one of its name that is valid: changing or removing the setting revokes it. */
async function syncRootKey(
  { metadata, clock }: Stores,
  organization: Organization,
  project: Project,
  secret: string | undefined,
): Promise<void> {
  const hash = secret === undefined ? undefined : hashSecret(secret)
  const known = (await metadata.listKeys()).filter(
    ({ name, revokedAt }) => name === ROOT_KEY_NAME && revokedAt === null,
  )
  for (const key of known) {
    if (key.hash !== hash) await metadata.commit([{ kind: 'key.revoke', id: key.id, revokedAt: clock.now() }])
  }
  if (hash === undefined || known.some((key) => key.hash === hash)) return
  const key: ApiKey = {
    id: randomUUID(),
    hash,
    name: ROOT_KEY_NAME,
    organizationId: organization.id,
    projectIds: [project.id],
    userId: 'root',
    role: 'admin',
    scopes: [],
    createdAt: clock.now(),
    revokedAt: null,
  }
  await metadata.commit([{ kind: 'key.insert', key }]).catch(async (error) => {
    if (!isStoreError(error, 'conflict')) throw error
    // Another process that starts at the same time may have been faster.
    if ((await metadata.findKey(key.hash))?.revokedAt === null) return
    throw new Error('ENTREPOT_ROOT_KEY was used before and has been revoked; choose another value')
  })
}
