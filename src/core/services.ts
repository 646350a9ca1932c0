import type { Fidelity } from './access/keys.ts'
import type { ParseFileId } from './file-id.ts'
import type { TouchOn } from './files/touch-file.ts'
import type { Guesses } from './limits/guess-limit.ts'
import type { Rates } from './limits/rate-limit.ts'
import type { LinkKey } from './links/link-token.ts'
import type { BlobStore } from './ports/blob-store.ts'
import type { Clock } from './ports/clock.ts'
import type { MetadataStore } from './ports/metadata-store.ts'
import type { Trace } from './trace.ts'

/** What operators decide for all files. */
export interface Policy {
  /** Whole bodies up to this size are kept in the database; 0: none. */
  readonly inlineBytes: number
  readonly touchOn: TouchOn
  /** Of keys that have none of their own. */
  readonly fidelity: Fidelity
  /** How long bytes stay after their file ended: a download that has read the row may not have opened them yet. */
  readonly downloadGraceMs: number
  /**
   * How long bytes that no file points at may be written or wait for their commit: longer than any request may last. What a
   * process that dies was writing is given up once it is known to be dead.
   */
  readonly writeLeaseMs: number
}

/** Everything a use case may reach. Built once, in the composition root. */
export interface Services {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly rates: Rates
  readonly guesses: Guesses
  /** Newest first; the first one signs. */
  readonly linkKeys: readonly LinkKey[]
  readonly policy: Policy
  /** Only where requests are traced. */
  readonly trace?: Trace | undefined
  /** Every dialect's form of ids is known to all of them. */
  readonly parseFileId: ParseFileId
  readonly addresses: {
    /** Absolute, no trailing slash; known once the server listens. Links are built from it alone. */
    readonly publicUrl: string
    /**
     * Whether browsers may work with this server at another address that leads to it: no operator named the public URL, or that
     * names this machine alone.
     */
    readonly hasOthers: boolean
  }
}

/** What upkeep needs of it: it signs no links and counts no requests. */
export type UpkeepServices = Pick<Services, 'metadata' | 'blobs' | 'clock' | 'policy'>
