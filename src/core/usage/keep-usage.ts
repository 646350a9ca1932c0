import { isStoreError } from '../errors.ts'
import type { Change } from '../ports/changes.ts'
import { MINUTE_MS } from '../ports/clock.ts'
import type { Services } from '../services.ts'
import { type CountedHour, hourOf, USAGE_KEPT_MS } from './usage-hour.ts'
import type { UsageMeter } from './usage-meter.ts'

type Stores = Pick<Services, 'metadata' | 'clock'>

/** So many hours go with one commit that others hardly wait for it. */
const HOURS_AT_ONCE = 500
/** Until so long after its end the counters still tell what an hour ended with. */
const STILL_ENDING_MS = 2 * MINUTE_MS

/**
 * Adds what this server has counted to the rows of the hours. What cannot be stored waits for the next call; a commit whose
 * outcome is unknown may then count twice.
 * @returns 0: nothing is left to do
 * @throws StoreError, but not while the store is full or being moved
 */
export async function keepUsage({ metadata, clock }: Stores, meter: UsageMeter): Promise<number> {
  const endsFrom = hourOf(clock.now() - STILL_ENDING_MS)
  // In one order on all servers, so that no two of them wait for each other's rows.
  const left = [...meter.take()].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
  try {
    while (left.length > 0) {
      const changes = left.slice(0, HOURS_AT_ONCE).map((counted): Change => {
        return { kind: 'usage-hour.add', counted, isEnding: counted.hour >= endsFrom }
      })
      await metadata.commit(changes)
      left.splice(0, changes.length)
    }
  } catch (error) {
    throwUnlessShut(error)
  } finally {
    meter.putBack(left)
  }
  return 0
}

function keyOf({ organizationId, projectId, hour }: CountedHour): string {
  return `${organizationId} ${projectId} ${hour}`
}

/** Removes hours that are kept no longer, and notes what projects hold of which nothing was ever counted. */
export async function tendUsage({ metadata, clock }: Stores): Promise<number> {
  const now = clock.now()
  // Apart, because one of them makes room.
  await metadata.commit([{ kind: 'usage-hours.purge', before: hourOf(now - USAGE_KEPT_MS) }])
  await metadata.commit([{ kind: 'usage-hours.begin', hour: hourOf(now) }]).catch(throwUnlessShut)
  return 0
}

/** A store that is full or being moved takes nothing for a while; who counts can wait for it, and operators know. */
function throwUnlessShut(error: unknown): void {
  if (!isStoreError(error, 'full') && !isStoreError(error, 'read-only')) throw error
}
