import type { Expression, Kysely } from 'kysely'
import type { Query, Step } from './prepare.ts'
import type { SqlValue, Tables } from './tables.ts'

/** Values in the order in which the query names its columns. */
export type SqlRow = readonly SqlValue[]

/**
 * Everything in which SQLite and PostgreSQL differ. All failures are `StoreError`s. Texts compare by code point, which is
 * what SQLite does by itself; on PostgreSQL the database has to be made with the collation `C`.
 */
export interface SqlEngine {
  /** Compiles for this engine; it never runs anything itself. */
  readonly builder: Kysely<Tables>
  /** A subquery of the texts in `json`, which stands for an argument that is an array. */
  textsIn(json: string): Expression<string>
  /** Sees every commit that was acknowledged before, and waits for none in progress. */
  read<Args>(query: Query<Args>, args: Args): Promise<readonly SqlRow[]>
  /**
   * What `find` gives, which may be what it gave before for the same name and kind, as long as a read at this moment would
   * give the same. The result is shared: nobody may change it.
   */
  findOnce<T>(kind: object, name: string, find: () => Promise<T>): Promise<T>
  /**
   * Runs the steps as one durable transaction.
   * @throws StoreError `conflict`, with the change of the step, if one changed fewer rows than it must, or a unique
   * or foreign key refused it
   */
  write(steps: readonly Step[]): Promise<void>
  /** @throws StoreError `unavailable` if reads or writes cannot succeed any more */
  check(): Promise<void>
  close(): Promise<void>
}
