import type { Clock } from '../core/ports/clock.ts'
import type { JoinOptions, Node } from '../core/ports/node.ts'
import type { SqlFlavour } from './sql/flavours.ts'
import type { Query, Step } from './sql/prepare.ts'
import type { SqlValue } from './sql/tables.ts'

/** Values in the order in which the query names its columns. */
export type SqlRow = readonly SqlValue[]

/** Everything in which SQLite and PostgreSQL differ. All failures are `StoreError`s. Texts compare by code point. */
export interface SqlEngine {
  readonly flavour: SqlFlavour
  /** Sees every commit that was acknowledged before, and waits for none in progress. */
  read<Args>(query: Query<Args>, args: Args): Promise<readonly SqlRow[]>
  /** Changes with every commit, whoever made it; undefined where that is not known for less than a look-up. */
  version(): unknown
  /** The same, but a commit of another node may be missed for a millisecond. */
  recentVersion(): unknown
  /**
   * Runs the steps as one durable transaction. Commits of one `queue` may get in each other's way, those of several mostly do
   * not. A cleanup only gives back what a request held: the store may stop waiting for it early, and make it later.
   * @throws StoreError `conflict`, with the change of the step, if one changed fewer rows than it must, or a unique
   * or foreign key refused it
   */
  write(steps: readonly Step[], queue: string | undefined, isCleanup: boolean): Promise<void>
  /** Who this process is among several, once it has joined them; see `MetadataStore.join`. */
  readonly node?: { readonly id: number } | undefined
  join?(options?: JoinOptions): Promise<Node>
  /** See `MetadataStore.sharedClock`. */
  sharedClock?(): Promise<Clock>
  /** See `MetadataStore.wantedDiskBytes`. */
  wantedDiskBytes?(): number
  /** How many calls wait for a connection, where they may have to. */
  waitingCalls?(): number
  /** @throws StoreError `unavailable` if reads or writes cannot succeed any more */
  check(): Promise<void>
  close(): Promise<void>
}
