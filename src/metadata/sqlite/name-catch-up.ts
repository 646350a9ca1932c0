import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { IndexedNames } from '../../core/ports/metadata-store.ts'
import { namesPathOf } from './names-file.ts'
import type { SqliteScanner } from './scanner.ts'

/** Fewer are not worth a flush: each search looks at them within a millisecond. */
const MIN_ROWS = 500
/** A server that stops waits for the run. */
const ROWS_PER_RUN = 5000
/** How much longer it rests than it works, so that writes of files have the processor and the disk. */
const REST = 3

/** The last row of files, and how many changes of names wait, counted up to `COUNTED_CHANGES`. */
export interface NewestNames {
  readonly row: number
  readonly changes: number
}

/** Brings the index of names up to the database, at leisure. */
export class NameCatchUp {
  readonly #scanner: SqliteScanner
  readonly #namesPath: string
  #rowTo = 0

  constructor(databasePath: string, scanner: SqliteScanner) {
    this.#namesPath = namesPathOf(databasePath)
    this.#scanner = scanner
  }

  /** @throws StoreError */
  async run({ row, changes }: NewestNames): Promise<IndexedNames> {
    // The emulator was reset, so that new rows have the old numbers; or a search met damage, and the index was removed.
    if (row < this.#rowTo || !existsSync(this.#namesPath)) this.#rowTo = 0
    if (row - this.#rowTo < MIN_ROWS && changes < MIN_ROWS) return { rows: 0 }
    let rows = 0
    let changeTo: number | undefined
    while (rows < ROWS_PER_RUN) {
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

/** It does not matter how many more there are. */
export const COUNTED_CHANGES = MIN_ROWS
