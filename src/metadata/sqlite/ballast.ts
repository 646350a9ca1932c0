import { randomBytes } from 'node:crypto'
import { existsSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * A delete and its collection write some 100 KiB of log. The log starts over at each checkpoint, so that this lasts for any
 * number of them, or for some 40 while a backup reads the database and so keeps the log from starting over.
 */
const BALLAST_BYTES = 4 * 1024 * 1024
/** A quota of the user shows only when writing fails. */
const RETRY_AFTER_MS = 1000

/**
 * Disk space held by a file in the folder of the database. On a full disk the file is removed, so that commits which free
 * space can be made; it is written again once there is room. Several processes may share one: whether it is there is asked of
 * the disk.
 */
export class Ballast {
  readonly sizeBytes = BALLAST_BYTES
  readonly #path: string
  #isHeld = false
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(databasePath: string) {
    this.#path = join(dirname(databasePath), 'ballast')
  }

  /** As of the last call of `keep` or `release`. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Removes the file. @returns whether there was one */
  release(): boolean {
    const wasHeld = existsSync(this.#path)
    this.#isHeld = false
    rmSync(this.#path, { force: true })
    return wasHeld
  }

  /** Writes the file if it is missing and there is room. @returns whether it is there */
  keep(): boolean {
    this.#isHeld = existsSync(this.#path) || (this.freeBytes() >= BALLAST_BYTES && this.#write())
    return this.#isHeld
  }

  /** What the disk has left; 0 if nobody can tell. */
  freeBytes(): number {
    try {
      const { bavail, bsize } = statfsSync(dirname(this.#path))
      return bavail * bsize
    } catch {
      return 0
    }
  }

  /** Random bytes, since file systems may compress others. Somebody else may take the room meanwhile. */
  #write(): boolean {
    if (performance.now() - this.#failedAt < RETRY_AFTER_MS) return false
    const unfinished = `${this.#path}.new`
    try {
      writeFileSync(unfinished, randomBytes(BALLAST_BYTES), { mode: 0o600, flush: true })
      renameSync(unfinished, this.#path)
      return true
    } catch {
      this.#failedAt = performance.now()
      rmSync(unfinished, { force: true })
      return false
    }
  }
}
