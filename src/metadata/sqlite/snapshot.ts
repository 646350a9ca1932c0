import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { SqlRow } from '../engine.ts'

/**
 * Long enough for a busy event loop to read dozens of requests, and shorter than anybody can hear of another process's commit
 * and ask about it: that process has to end first.
 */
const MAX_AGE_MS = 4

/**
 * One read transaction for all reads of one turn of the event loop. A transaction takes and drops locks on the file, which
 * costs several times what a look-up does; requests that come in together share it.
 *
 * Nobody can tell: our own commits end the snapshot before they are acknowledged, and a commit of another process is seen at
 * most `MAX_AGE_MS` late, while that process is still ending.
 */
export class ReadSnapshot {
  readonly #db: DatabaseSync
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #dataVersion: StatementSync
  #isOpen = false
  #openedAt = 0
  #version: unknown

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#begin = db.prepare('BEGIN')
    this.#commit = db.prepare('COMMIT')
    this.#dataVersion = db.prepare('PRAGMA data_version')
    this.#dataVersion.setReturnArrays(true)
  }

  /**
   * Makes sure that the next read sees every commit up to now, or up to the beginning of this turn.
   * @returns a number that is another after any commit, of whatever process (sqlite.org/pragma.html#pragma_data_version)
   */
  begin(): unknown {
    const now = performance.now()
    if (this.#isOpen && now - this.#openedAt < MAX_AGE_MS) return this.#version
    this.end()
    this.#begin.run()
    this.#isOpen = true
    this.#openedAt = now
    setImmediate(this.#endTurn)
    // The first read of the transaction: from here on it sees one state of the database.
    const [version] = this.#dataVersion.get() as unknown as SqlRow
    this.#version = version
    return version
  }

  readonly #endTurn = () => this.end()

  /** The next read sees every commit up to now. */
  end(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    if (this.#db.isOpen) this.#commit.run()
  }
}
