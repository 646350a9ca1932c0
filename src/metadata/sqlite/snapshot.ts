import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { SqlRow } from '../engine.ts'
import { kept } from '../sql/prepare.ts'

/**
 * Long enough for a busy event loop to read dozens of requests, and shorter than anybody can hear of another process's commit
 * and ask about it: that process has to end first.
 */
const MAX_AGE_MS = 4

/** Records kept at most; beyond it all are forgotten, which costs a look-up each. */
const MAX_KEPT = 4096

/**
 * One read transaction for all reads of one turn of the event loop. A transaction takes and drops locks on the file, which
 * costs several times what a look-up does; requests that come in together share it.
 *
 * Nobody can tell: our own commits end the snapshot before they are acknowledged, and a commit of another process is seen at
 * most `MAX_AGE_MS` late, while that process is still ending.
 *
 * What was found stays known until anything at all is committed, by whatever process: SQLite counts that for us
 * (sqlite.org/pragma.html#pragma_data_version), so records are asked for once between two commits.
 */
export class ReadSnapshot {
  readonly #db: DatabaseSync
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #dataVersion: StatementSync
  readonly #found = new Map<object, Map<string, Promise<unknown>>>()
  #kept = 0
  #version: unknown
  #isOpen = false
  #openedAt = 0

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#begin = db.prepare('BEGIN')
    this.#commit = db.prepare('COMMIT')
    this.#dataVersion = db.prepare('PRAGMA data_version')
    this.#dataVersion.setReturnArrays(true)
  }

  /** Makes sure that the next read sees every commit up to now, or up to the beginning of this turn. */
  begin(): void {
    const now = performance.now()
    if (this.#isOpen && now - this.#openedAt < MAX_AGE_MS) return
    this.end()
    this.#begin.run()
    this.#isOpen = true
    this.#openedAt = now
    setImmediate(this.#endTurn)
    // The first read of the transaction: from here on it sees one state of the database.
    const [version] = this.#dataVersion.get() as unknown as SqlRow
    if (version !== this.#version) this.#forget()
    this.#version = version
  }

  readonly #endTurn = () => this.end()

  /** The next read sees every commit up to now. */
  end(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    if (this.#db.isOpen) this.#commit.run()
  }

  /** What `find` gave for this text, if nothing was committed since, or gives now. `kind` keeps the names apart. */
  findOnce<T>(kind: object, name: string, find: () => Promise<T>): Promise<T> {
    this.begin()
    const known = this.#found.get(kind)?.get(name) as Promise<T> | undefined
    if (known !== undefined) return known
    if (this.#kept === MAX_KEPT) this.#forget()
    const found = find()
    kept(this.#found, kind, newNames).set(name, found)
    this.#kept++
    // A failure says nothing about the next attempt.
    found.catch(() => this.#forget())
    return found
  }

  #forget(): void {
    if (this.#kept === 0) return
    this.#found.clear()
    this.#kept = 0
  }
}

const newNames = () => new Map<string, Promise<unknown>>()
