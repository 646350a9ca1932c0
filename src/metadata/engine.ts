import type { MetadataStore } from '../core/ports/metadata-store.ts'
import type { SqlFlavour } from './sql/flavours.ts'
import type { Query, Step } from './sql/prepare.ts'
import type { SqlValue } from './sql/tables.ts'

/** Values in the order in which the query names its columns. */
export type SqlRow = readonly SqlValue[]

type SameAsStore =
  | 'takesSegments'
  | 'hidesFiles'
  | 'knowsRoles'
  | 'isShortOfRoom'
  | 'join'
  | 'sharedClock'
  | 'wantedDiskBytes'
  | 'indexNames'
  | 'waitingCalls'
  | 'holdCollection'
  | 'isCollectionHeld'
  | 'check'
  | 'close'

/** The same scan where an index tells in which rows to look, and rows have numbers. */
export interface NarrowedScan<Args> {
  /** Of few rows, and those that the index does not have. */
  readonly ofRows: Query<Args>
  /** Of many: asks of each row whether to look at it. */
  readonly asking: Query<Args>
  readonly projectId: string
  /** What the names of the files found have in them, folded. */
  readonly part: string
}

/** What SQLite and PostgreSQL do differently. All failures are `StoreError`s. Texts compare by code point. */
export interface SqlEngine extends Pick<MetadataStore, SameAsStore> {
  readonly flavour: SqlFlavour
  /** Sees every commit that was acknowledged before, and waits for none in progress. */
  read<Args>(query: Query<Args>, args: Args): Promise<readonly SqlRow[]>
  /**
   * As `read`, for queries that may look at every file of a project: they keep no other read waiting, and projects take turns.
   * @throws StoreError `unavailable` if many of this project wait already
   */
  scan<Args>(
    query: Query<Args>,
    args: Args,
    projectId: string,
    narrowed?: NarrowedScan<Args>,
  ): Promise<readonly SqlRow[]>
  /** Whether a long `read` holds up everything else in this process. */
  readonly readsHoldUp: boolean
  /** Changes with every commit, whoever made it; undefined where that is not known for less than a look-up. */
  version(): unknown
  /** The same, but a commit of another node may be missed for a millisecond. */
  recentVersion(): unknown
  /**
   * Runs the steps as one durable transaction. Commits of one `queue` change the same rows. A cleanup only returns what a
   * request held: the engine may stop waiting for it early, and make it later.
   * @throws StoreError `conflict`, with the change of the step, if one changed fewer rows than it must, or a unique
   * or foreign key refused it
   */
  write(steps: readonly Step[], queue: string | undefined, isCleanup: boolean): Promise<void>
  /** Who this process is among several, once it has joined them; see `MetadataStore.join`. */
  readonly node?: { readonly id: number } | undefined
}
