import { describe } from 'node:test'
import { describeAccess } from './conformance/access.ts'
import { describeAnswers } from './conformance/answers.ts'
import { describeBlobs } from './conformance/blobs.ts'
import { describeCommits } from './conformance/commits.ts'
import { describeConflicts } from './conformance/conflicts.ts'
import { describeFiles } from './conformance/files.ts'
import { describeLeases } from './conformance/leases.ts'
import { describeListings } from './conformance/listings.ts'
import { describePages } from './conformance/pages.ts'
import { describeReservations } from './conformance/reservations.ts'
import { type OpenStore, shareStore } from './conformance/samples.ts'
import { describeSessions } from './conformance/sessions.ts'
import { describeUsage } from './conformance/usage.ts'

/** Everything that the port promises, of whatever engine: `openStore` opens a new, empty store each time. */
export function describeMetadataStore(name: string, openStore: OpenStore): void {
  // Opening a store is mostly waiting.
  describe(name, { concurrency: 4 }, () => {
    const shared = shareStore(openStore)
    describeCommits(openStore, shared)
    describeConflicts(shared)
    describeAccess(openStore, shared)
    describeSessions(shared)
    describeUsage(shared)
    describeReservations(openStore, shared)
    describeFiles(shared)
    describeListings(openStore)
    describePages(shared)
    describeBlobs(openStore, shared)
    describeAnswers(openStore)
    describeLeases(openStore)
  })
}
