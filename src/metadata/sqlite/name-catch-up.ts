import { setTimeout as sleep } from 'node:timers/promises'
import type { IndexedNames } from '../../core/ports/metadata-store.ts'
import type { SqliteScanner } from './scanner.ts'

/** Fewer are looked at by each search, within a millisecond. */
const MIN_ROWS = 500
/** A server that stops waits for so many. */
const ROWS_AT_ONCE = 5000
/** For one part of work, so many of rest: whoever writes files has the processor and the disk. */
const REST = 3

/** What the database has now: its last row of files, and how many changes of names nobody has forgotten, counted a little way. */
export interface NewestNames {
  readonly row: number
  readonly changes: number
}

/** Brings the index of names up to the database, at leisure. */
export class NameCatchUp {
  readonly #scanner: SqliteScanner
  #rowTo = 0

  constructor(scanner: SqliteScanner) {
    this.#scanner = scanner
  }

  /** @throws StoreError */
  async run({ row, changes }: NewestNames): Promise<IndexedNames> {
    // All rows were deleted, and others have their numbers.
    if (row < this.#rowTo) this.#rowTo = 0
    if (row - this.#rowTo < MIN_ROWS && changes < MIN_ROWS) return { rows: 0 }
    let rows = 0
    let changeTo: number | undefined
    while (rows < ROWS_AT_ONCE) {
      const began = performance.now()
      const batch = await this.#scanner.index()
      if (batch === undefined) break
      this.#rowTo = batch.rowTo
      changeTo = batch.changeTo
      rows += batch.rows
      if (batch.rows === 0) break
      await sleep((performance.now() - began) * REST)
    }
    return { rows, ...(changeTo === undefined ? {} : { changeTo }) }
  }
}

/** How many changes are counted. */
export const COUNTED_CHANGES = MIN_ROWS
