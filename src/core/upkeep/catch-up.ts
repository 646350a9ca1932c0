import { isStoreError } from '../errors.ts'
import type { Change } from '../ports/changes.ts'
import type { Services } from '../services.ts'

/** Rows of one pass of a job. */
export const BATCH = 200
/** Commits that wait at the same time share a flush, and a bucket is asked a few times for each blob. */
const AT_ONCE = 20

/** Works on all items, some at a time. @returns how many times `work` resolved to true */
export async function countDone<T>(
  items: readonly T[],
  work: (item: T) => Promise<boolean>,
): Promise<number> {
  let done = 0
  for (let at = 0; at < items.length; at += AT_ONCE) {
    const outcomes = await Promise.all(items.slice(at, at + AT_ONCE).map(work))
    done += outcomes.filter(Boolean).length
  }
  return done
}

/** @returns false if a guard did not hold: somebody else has changed the row since it was read */
export async function commitUnlessChanged(
  { metadata }: Pick<Services, 'metadata'>,
  changes: readonly Change[],
): Promise<boolean> {
  try {
    await metadata.commit(changes)
    return true
  } catch (error) {
    if (isStoreError(error, 'conflict')) return false
    throw error
  }
}
