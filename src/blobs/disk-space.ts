import type { StatsFs } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { StoreError } from '../core/errors.ts'
import { onDisk } from './disk-errors.ts'

const MAX_RESERVE_BYTES = 1024 ** 3
const MAX_RESERVE_SHARE = 0.05
/** What a body is allotted ahead at most, so that a large one has the disk measured seldom. */
const MAX_AHEAD_BYTES = 16 * 1024 * 1024

/** What blobs may take of a disk, all of them together: a reserve is left free, in which the database can still work. */
export class DiskSpace {
  readonly #folder: string
  readonly #reserveBytes: number | undefined
  /** To bodies, and not written yet. */
  #allottedBytes = 0
  #measuring: Promise<unknown> = Promise.resolve()

  /** @param reserveBytes by default 5 % of the disk, at most 1 GiB */
  constructor(folder: string, reserveBytes: number | undefined) {
    this.#folder = folder
    this.#reserveBytes = reserveBytes
  }

  async freeBytes(): Promise<number> {
    // Taken before: what is written meanwhile leaves this number, and may not be in the answer yet.
    const allottedBytes = this.#allottedBytes
    const disk = await onDisk('measure the disk', statfs(this.#folder))
    const reserveBytes = this.#reserveBytes ?? defaultReserveBytes(disk)
    return Math.max(0, disk.bavail * disk.bsize - reserveBytes - allottedBytes)
  }

  /** @returns how many bytes were allotted, from `least` to `most`. @throws StoreError `full` */
  allot(least: number, most: number): Promise<number> {
    const allotted = this.#measuring.then(async () => {
      const free = await this.freeBytes()
      if (free < least) throw new StoreError('full', 'the disk has no room but what is kept for the database')
      const bytes = Math.min(most, free)
      this.#allottedBytes += bytes
      return bytes
    })
    this.#measuring = allotted.catch(() => undefined)
    return allotted
  }

  /** They are written, or are not needed any more. */
  giveBack(bytes: number): void {
    this.#allottedBytes -= bytes
  }
}

/** The room of one body whose length nobody has to know: as much ahead as it has taken already. */
export class BodyRoom implements Disposable {
  readonly #space: DiskSpace
  #left = 0
  #writtenBytes = 0

  constructor(space: DiskSpace) {
    this.#space = space
  }

  has(bytes: number): boolean {
    return bytes <= this.#left
  }

  /** @throws StoreError `full` if there is no room for so many bytes more */
  async extend(bytes: number): Promise<void> {
    const least = bytes - this.#left
    const ahead = Math.min(this.#writtenBytes, MAX_AHEAD_BYTES)
    this.#left += await this.#space.allot(least, Math.max(least, ahead))
  }

  wrote(bytes: number): void {
    this.#left -= bytes
    this.#writtenBytes += bytes
    this.#space.giveBack(bytes)
  }

  [Symbol.dispose](): void {
    this.#space.giveBack(this.#left)
    this.#left = 0
  }
}

function defaultReserveBytes(disk: StatsFs): number {
  return Math.min(MAX_RESERVE_BYTES, Math.floor(disk.blocks * disk.bsize * MAX_RESERVE_SHARE))
}
