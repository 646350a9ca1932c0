import { describe } from 'node:test'
import { describeAccess } from './access.ts'
import { describeAnswers } from './answers.ts'
import { describeBlobs } from './blobs.ts'
import { describeCommits } from './commits.ts'
import { describeConflicts } from './conflicts.ts'
import { describeEmulators } from './emulators.ts'
import { describeFiles } from './files.ts'
import { describeLeases } from './leases.ts'
import { describeLinks } from './links.ts'
import { describeListings } from './listings.ts'
import { describeMergedPages } from './merged-pages.ts'
import { describePages } from './pages.ts'
import { describeReservations } from './reservations.ts'
import { type OpenStore, shareStore } from './samples.ts'
import { describeSearches } from './searches.ts'
import { describeSegmentBlobs } from './segment-blobs.ts'
import { describeSegments } from './segments.ts'
import { describeSessions } from './sessions.ts'
import { describeTotals } from './totals.ts'
import { describeUsage } from './usage.ts'
import { describeUsageHours } from './usage-hours.ts'

/**
 * Everything that the port promises, of whatever engine: `openStore` opens a new, empty store each time.
 * @param isLong tries more combinations
 */
export function describeMetadataStore(name: string, openStore: OpenStore, isLong: boolean): void {
  // Opening a store is mostly waiting.
  describe(name, { concurrency: 4 }, () => {
    const shared = shareStore(openStore)
    describeCommits(openStore, shared)
    describeConflicts(shared)
    describeAccess(openStore, shared)
    describeSessions(shared)
    describeLinks(shared)
    describeUsage(shared)
    describeUsageHours(shared, openStore)
    describeTotals(openStore)
    describeReservations(openStore, shared)
    describeFiles(shared)
    describeListings(openStore)
    describePages(shared, isLong)
    describeMergedPages(shared)
    describeSearches(shared)
    describeBlobs(openStore, shared)
    describeSegments(openStore, shared)
    describeSegmentBlobs(openStore, shared)
    describeAnswers(openStore)
    describeLeases(openStore)
    describeEmulators(openStore)
  })
}
