import { randomBytes } from 'node:crypto'
import { isStoreError } from '../errors.ts'
import type { LinkKey } from '../links/link-token.ts'
import type { Services } from '../services.ts'
import { ensureDefaultTenant } from './default-tenant.ts'
import { issueKey } from './issue-key.ts'

type Stores = Pick<Services, 'metadata' | 'clock'>

/** Hexadecimal digits of the random id of the store. */
const LINK_KEY_ID_CHARACTERS = 8

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
