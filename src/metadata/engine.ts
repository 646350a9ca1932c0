import type { Expression, Kysely, SqlBool } from 'kysely'
import type { Clock } from '../core/ports/clock.ts'
import type { JoinOptions, Node } from '../core/ports/node.ts'
import type { Query, Step } from './sql/prepare.ts'
import type { SqlValue, Tables } from './sql/tables.ts'

/** Values in the order in which the query names its columns. */
export type SqlRow = readonly SqlValue[]

/** Everything in which SQLite and PostgreSQL differ. All failures are `StoreError`s. Texts compare by code point. */
export interface SqlEngine {
  /** Compiles for this engine; it never runs anything itself. */
  readonly builder: Kysely<Tables>
  /**
   * How many characters of a long text an index holds; undefined: all. Where it is a bound, what is sorted or looked up by
   * such a text is so by the beginning of it first.
   */
  readonly indexedCharacters: number | undefined
  /** How many bytes the text of a column has in UTF-8. */
  readonly byteLength: (column: string) => Expression<number>
  /** Whether a column has one of the texts in `json`, which stands for an argument that is an array. */
  isOneOf(column: string, json: string): Expression<SqlBool>
  /** Sees every commit that was acknowledged before, and waits for none in progress. */
  read<Args>(query: Query<Args>, args: Args): Promise<readonly SqlRow[]>
  /**
   * What `find` gives, which may be what it gave before for the same name and kind, as long as a read at this moment would
   * give the same. The result is shared: nobody may change it.
   */
  findOnce<T>(kind: object, name: string, find: () => Promise<T>): Promise<T>
  /** The same, where what another node committed in the last millisecond may be missed. */
  findLately<T>(kind: object, name: string, find: () => Promise<T>): Promise<T>
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
