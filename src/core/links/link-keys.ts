import { randomBytes } from 'node:crypto'
import { unlessConflict } from '../errors.ts'
import type { Services } from '../services.ts'
import type { LinkKey } from './link-token.ts'

/** Hexadecimal digits of the random id of the store. */
const ID_CHARACTERS = 8

/**
 * The keys that sign links, newest first; makes the first one. Of several processes that do it at once one makes it, for
 * they give it the same id, and so all sign and know the same.
 */
export async function ensureLinkKeys({
  metadata,
  clock,
}: Pick<Services, 'metadata' | 'clock'>): Promise<readonly LinkKey[]> {
  const known = await metadata.listLinkKeys()
  if (known.length > 0) return known
  const linkKey = {
    id: (await metadata.storeId()).slice(0, ID_CHARACTERS),
    secret: randomBytes(32).toString('hex'),
    createdAt: clock.now(),
  }
  await unlessConflict(metadata.commit([{ kind: 'link-key.insert', linkKey }]))
  return metadata.listLinkKeys()
}
