import type { StatsFs } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { StoreError } from '../../core/errors.ts'
import { onDisk } from './errors.ts'

const MAX_RESERVE_BYTES = 1024 ** 3
const MAX_RESERVE_SHARE = 0.05
/** For so long a refusal is a sign that room is needed. */
const REFUSAL_COUNTS_MS = 10 * 60 * 1000
/** What a body is allotted ahead at most, so that a large one has the disk measured seldom. */
const MAX_AHEAD_BYTES = 16 * 1024 * 1024

interface Waiting {
  readonly least: number
  readonly most: number
  readonly resolve: (bytes: number) => void
  readonly reject: (error: unknown) => void
}

export interface DiskSpaceOptions {
  /** By default 5 % of the disk, at most 1 GiB. */
  readonly reserveBytes?: number | undefined
  /** Bytes that have to be left free at this moment beside the reserve. */
  readonly wantedByOthers?: (() => number) | undefined
}

/**
 * What the blobs of one server may take of a disk, all of them together: a reserve is left free, in which the database can
 * still work.
 */
export class DiskSpace {
  readonly #folder: string
  readonly #reserveBytes: number | undefined
  readonly #wantedByOthers: () => number
  #refusedAt = Number.NEGATIVE_INFINITY
  /** To bodies, and not written yet. */
  #allottedBytes = 0
  #waiting: Waiting[] = []
  #isMeasuring = false

  constructor(folder: string, { reserveBytes, wantedByOthers = () => 0 }: DiskSpaceOptions) {
    this.#folder = folder
    this.#reserveBytes = reserveBytes
    this.#wantedByOthers = wantedByOthers
  }

  async has(bytes: number): Promise<boolean> {
    const { freeBytes } = await this.#measure()
    if (freeBytes < bytes) this.#refusedAt = performance.now()
    return freeBytes >= bytes
  }

  /** Whether there is hardly anything above the reserve, or no room for what was asked for lately. */
  async isShort(): Promise<boolean> {
    if (performance.now() - this.#refusedAt < REFUSAL_COUNTS_MS) return true
    const { freeBytes, scarceBytes } = await this.#measure()
    return freeBytes < scarceBytes
  }

  async #measure(): Promise<{ readonly freeBytes: number; readonly scarceBytes: number }> {
    // Taken before: what is written meanwhile leaves this number, and may not be in the answer yet.
    const allottedBytes = this.#allottedBytes
    const disk = await onDisk('measure the disk', statfs(this.#folder))
    const scarceBytes = defaultReserveBytes(disk)
    const kept = (this.#reserveBytes ?? scarceBytes) + this.#wantedByOthers()
    return { freeBytes: Math.max(0, disk.bavail * disk.bsize - kept - allottedBytes), scarceBytes }
  }

  /** @returns how many bytes were allotted, from `least` to `most`. @throws StoreError `full` */
  allot(least: number, most: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ least, most, resolve, reject })
      if (!this.#isMeasuring) void this.#serve()
    })
  }

  /** One measurement for all that wait when it begins. */
  async #serve(): Promise<void> {
    this.#isMeasuring = true
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting.splice(0)
      try {
        let { freeBytes: free } = await this.#measure()
        for (const asked of waiting) free -= this.#allotTo(asked, free)
      } catch (error) {
        for (const { reject } of waiting) reject(error)
      }
    }
    this.#isMeasuring = false
  }

  /** @returns how many bytes it got */
  #allotTo({ least, most, resolve, reject }: Waiting, free: number): number {
    if (free < least) {
      this.#refusedAt = performance.now()
      reject(new StoreError('full', 'the disk has no room but what is kept for the database'))
      return 0
    }
    const bytes = Math.min(most, free)
    this.#allottedBytes += bytes
    resolve(bytes)
    return bytes
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
