import type { BlobStore } from './blob-store.ts'
import type { Clock } from './clock.ts'
import type { TouchOn } from './files/touch-file.ts'
import type { GuessLimit } from './limits/guess-limit.ts'
import type { Rates } from './limits/rate-limit.ts'
import type { LinkKey } from './links/signed-link.ts'
import type { MetadataStore } from './metadata-store.ts'

/** Everything a use case may reach. Built once, in the composition root. */
export interface Services {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly rates: Rates
  readonly guesses: GuessLimit
  /** Newest first; the first one signs. */
  readonly linkKeys: readonly LinkKey[]
  readonly touchOn: TouchOn
  /** Absolute, no trailing slash; known once the server listens. Links are built from it alone. */
  publicUrl(): string
}
