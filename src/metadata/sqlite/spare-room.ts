import { statfsSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { DEFAULT_RESERVE } from '../../core/limits/disk-reserve.ts'

/** What may be on its way between two looks, written once to the log and once to the database. */
const MARGIN_BYTES = 16 * 1024 * 1024

/** Tells whether bytes of files fit beside what the disk is to keep free, or into room that the database has given up. */
export class SpareRoom {
  readonly #folder: string
  readonly #reserveBytes: number | undefined
  readonly #pageBytes: number
  readonly #freePages: StatementSync

  /** @param reserveBytes disk space that uploads leave free; by default 5 % of the disk, at most 1 GiB */
  constructor(db: DatabaseSync, folder: string, reserveBytes?: number) {
    this.#folder = folder
    this.#reserveBytes = reserveBytes
    this.#pageBytes = db.prepare('PRAGMA page_size').get()?.page_size as number
    this.#freePages = db.prepare('PRAGMA freelist_count')
  }

  /** Asked once for each group of commits, since it costs system calls. True also if nobody can tell. */
  isShort(): boolean {
    try {
      return this.#freedBytes() < MARGIN_BYTES && this.#diskBytes() < MARGIN_BYTES
    } catch {
      return true
    }
  }

  /** The file of the database never gets smaller: deletes of small files make room in it, and none on the disk. */
  #freedBytes(): number {
    return (this.#freePages.get()?.freelist_count as number) * this.#pageBytes
  }

  /** Above the reserve. */
  #diskBytes(): number {
    const { bavail, blocks, bsize } = statfsSync(this.#folder)
    const { share, maxBytes } = DEFAULT_RESERVE
    return bavail * bsize - (this.#reserveBytes ?? Math.min(maxBytes, blocks * bsize * share))
  }
}
