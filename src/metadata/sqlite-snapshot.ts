import type { DatabaseSync, StatementSync } from 'node:sqlite'

/**
 * Longer than one turn of a busy event loop takes to read what came in, and shorter than anybody can hear of a commit and
 * ask about it.
 */
const MAX_AGE_MS = 1

/**
 * One read transaction for all reads of one turn of the event loop. A transaction takes and drops locks on the file, which
 * costs several times what a look-up does; requests that come in together share it.
 *
 * Nobody can tell: a request that was made after a commit of another process comes in with a later turn, and our own
 * commits end the snapshot before they are acknowledged.
 */
export class ReadSnapshot {
  readonly #db: DatabaseSync
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #found = new Map<string, Promise<unknown>>()
  #isOpen = false
  #openedAt = 0

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#begin = db.prepare('BEGIN')
    this.#commit = db.prepare('COMMIT')
  }

  /** Makes sure that the next read sees every commit up to now, or up to the beginning of this turn. */
  begin(): void {
    const now = performance.now()
    if (this.#isOpen && now - this.#openedAt < MAX_AGE_MS) return
    this.end()
    this.#begin.run()
    this.#isOpen = true
    this.#openedAt = now
    setImmediate(() => this.end())
  }

  /** The next read sees every commit up to now. */
  end(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#found.clear()
    if (this.#db.isOpen) this.#commit.run()
  }

  /** What `find` gave for this name in this snapshot, or gives now. */
  findOnce<T>(name: string, find: () => Promise<T>): Promise<T> {
    this.begin()
    const known = this.#found.get(name) as Promise<T> | undefined
    if (known !== undefined) return known
    const found = find()
    this.#found.set(name, found)
    return found
  }
}
