import { describe } from 'node:test'
import { describeAccess } from './conformance/access.ts'
import { describeAnswers } from './conformance/answers.ts'
import { describeBlobs } from './conformance/blobs.ts'
import { describeCommits } from './conformance/commits.ts'
import { describeFiles } from './conformance/files.ts'
import { describeListings } from './conformance/listings.ts'
import type { OpenStore } from './conformance/samples.ts'

/** Everything that the port promises, of whatever engine: `openStore` opens a new, empty store each time. */
export function describeMetadataStore(name: string, openStore: OpenStore): void {
  describe(name, { concurrency: 4 }, () => {
    describeCommits(openStore)
    describeAccess(openStore)
    describeFiles(openStore)
    describeListings(openStore)
    describeBlobs(openStore)
    describeAnswers(openStore)
  })
}
