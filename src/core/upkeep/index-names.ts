import { isStoreError } from '../errors.ts'
import type { Services } from '../services.ts'

/**
 * Brings what searches by a part of a name use up to the files that there are, where the store has something of the kind. Does
 * nothing while there is no room for it.
 * @returns how many names; call it again until there are none
 */
export async function indexNames({ metadata }: Pick<Services, 'metadata'>): Promise<number> {
  if (metadata.indexNames === undefined || metadata.isShortOfRoom) return 0
  try {
    const { rows, changeTo } = await metadata.indexNames()
    if (changeTo !== undefined) await metadata.commit([{ kind: 'name-changes.forget', upTo: changeTo }])
    return rows
  } catch (error) {
    if (isStoreError(error, 'full')) return 0
    throw error
  }
}
