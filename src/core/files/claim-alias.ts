import { isStoreError, ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { endOverdue } from '../upkeep/expire-files.ts'

/** How often others may take and leave an alias meanwhile. */
const ATTEMPTS = 5

/**
 * Makes sure that no pending or stored file of the project has this alias now; one whose time is over is ended first.
 * @throws ServiceError `name-taken`
 */
export async function requireFreeAlias(
  { metadata, ...services }: Services,
  projectId: string,
  alias: string,
): Promise<void> {
  const [holder] = await metadata.listFilesByAlias([projectId], alias)
  if (holder === undefined) return
  await endOverdue({ metadata, ...services }, holder)
  const [present] = await metadata.listFilesByAlias([projectId], alias)
  if (present !== undefined) throw new ServiceError('name-taken', `There is a file named ${alias} already.`)
}

/**
 * Commits a new file with an alias, which is looked for first: of many commits with one alias one succeeds.
 * @throws ServiceError `name-taken`; what `commit` throws
 */
export async function claimAlias(
  services: Services,
  { projectId, alias }: { readonly projectId: string; readonly alias: string },
  commit: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await requireFreeAlias(services, projectId, alias)
    try {
      return await commit()
    } catch (error) {
      const isTaken = isStoreError(error, 'conflict') && error.change === 'file.insert'
      if (!isTaken || attempt === ATTEMPTS) throw error
    }
  }
}
