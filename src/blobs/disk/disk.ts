import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { StoreError, type StoreErrorCode } from '../../core/errors.ts'
import { DEFAULT_RESERVE } from '../../core/limits/disk-reserve.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants

const codes: Readonly<Record<string, StoreErrorCode>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EFBIG: 'full',
  EEXIST: 'refused',
}

/** The errno name of a failed system call, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Awaits a system call and translates its failure. A failure not known to be final is `unavailable`: an operator can mend it. */
export async function onDisk<T>(action: string, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (error instanceof StoreError) throw error
    const errno = errnoOf(error)
    throw new StoreError(codes[errno ?? ''] ?? 'unavailable', `cannot ${action}: ${errno ?? error}`, error)
  }
}

/** Undefined if there is no such file. */
export async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Makes the names in a folder durable, the added and the removed. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, O_RDONLY | O_DIRECTORY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Creates a folder and its parents, durably. Does nothing where it exists. */
export async function ensureFolder(path: string): Promise<void> {
  const topmost = await mkdir(path, { recursive: true, mode: 0o700 })
  if (topmost === undefined) return
  const last = dirname(resolve(topmost))
  for (let made = resolve(path); made !== last; made = dirname(made)) await syncFolder(dirname(made))
}

/** How long a refusal counts as a sign that room is needed. */
const REFUSAL_COUNTS_MS = 10 * 60 * 1000
/** The most that a file is allotted ahead, so that a large one has the disk measured seldom. */
const MAX_AHEAD_BYTES = 16 * 1024 * 1024

/** How long a measure of the disk may be used again, while the disk is far from its reserve. */
const MEASURE_COUNTS_MS = 100
/** Of the bytes that were free, the part that may be taken before the disk is measured again. */
const UNMEASURED_SHARE = 1 / 16

export interface DiskSpaceOptions {
  /** By default 5 % of the disk, at most 1 GiB. */
  readonly reserveBytes?: number | undefined
  /** Bytes that have to be left free at this moment beside the reserve. */
  readonly wantedByOthers?: (() => number) | undefined
}

/** The room that the files of one server may take of a disk. A reserve is left free, in which the database can still work. */
export class DiskSpace {
  readonly #folder: string
  readonly #options: DiskSpaceOptions
  #refusedAt = Number.NEGATIVE_INFINITY
  /** Bytes that files may still write. */
  #allottedBytes = 0
  /** All bytes that were ever allotted. */
  #everAllottedBytes = 0
  #latest: Measure | undefined

  constructor(folder: string, options: DiskSpaceOptions) {
    this.#folder = folder
    this.#options = options
  }

  async has(bytes: number): Promise<boolean> {
    const { freeBytes } = await this.#measure(bytes)
    if (freeBytes < bytes) this.#refusedAt = performance.now()
    return freeBytes >= bytes
  }

  /** Whether there is hardly anything above the reserve, or a file was refused room lately. */
  async isShort(): Promise<boolean> {
    if (performance.now() - this.#refusedAt < REFUSAL_COUNTS_MS) return true
    const { freeBytes, scarceBytes } = await this.#measure(0)
    return freeBytes < scarceBytes
  }

  /** @returns how many bytes were allotted, from `least` to `most`. @throws StoreError `full` */
  async allot(least: number, most: number): Promise<number> {
    const { freeBytes } = await this.#measure(most)
    if (freeBytes < least) {
      this.#refusedAt = performance.now()
      throw new StoreError('full', 'the disk has no room but what is kept for the database')
    }
    const bytes = Math.min(most, freeBytes)
    this.#allottedBytes += bytes
    this.#everAllottedBytes += bytes
    return bytes
  }

  /** For bytes that are written, or not needed any more. */
  giveBack(bytes: number): void {
    this.#allottedBytes -= bytes
  }

  /** What is free for files, by a measure that is good enough for so many bytes. */
  async #measure(wantedBytes: number): Promise<{ readonly freeBytes: number; readonly scarceBytes: number }> {
    const measure = this.#stillGood(wantedBytes) ?? (await this.#measureNow())
    return { freeBytes: this.#freeAfter(measure), scarceBytes: measure.scarceBytes }
  }

  #stillGood(wantedBytes: number): Measure | undefined {
    const latest = this.#latest
    if (latest === undefined || performance.now() - latest.at >= MEASURE_COUNTS_MS) return undefined
    const freeBytes = this.#freeAfter(latest)
    const takenBytes = latest.allottedBytes + this.#everAllottedBytes + wantedBytes
    const isFar = freeBytes > latest.scarceBytes && takenBytes < freeBytes * UNMEASURED_SHARE
    return isFar ? latest : undefined
  }

  async #measureNow(): Promise<Measure> {
    const at = performance.now()
    // Read before: bytes written meanwhile leave this number, and the disk may not count them yet.
    const allottedBytes = this.#allottedBytes - this.#everAllottedBytes
    const { bavail, blocks, bsize } = await onDisk('measure the disk', statfs(this.#folder))
    const { share, maxBytes } = DEFAULT_RESERVE
    const scarceBytes = Math.min(maxBytes, Math.floor(blocks * bsize * share))
    this.#latest = { at, availableBytes: bavail * bsize, allottedBytes, scarceBytes }
    return this.#latest
  }

  #freeAfter({ availableBytes, allottedBytes, scarceBytes }: Measure): number {
    const { reserveBytes = scarceBytes, wantedByOthers = () => 0 } = this.#options
    const takenBytes = reserveBytes + wantedByOthers() + allottedBytes + this.#everAllottedBytes
    return Math.max(0, availableBytes - takenBytes)
  }
}

/** What the disk told. */
interface Measure {
  readonly at: number
  readonly availableBytes: number
  /** Allotted at that moment, less all that was ever allotted before. */
  readonly allottedBytes: number
  readonly scarceBytes: number
}

/** A file that is written from the first byte to the last, in the room of its disk, or only read. To be closed in any case. */
export class DiskFile {
  readonly #file: FileHandle
  readonly #space: DiskSpace
  /** Allotted, and not written yet. */
  #roomBytes = 0
  sizeBytes: number

  private constructor(file: FileHandle, space: DiskSpace, sizeBytes: number) {
    this.#file = file
    this.#space = space
    this.sizeBytes = sizeBytes
  }

  /** A new file, for the owner alone. Follows no link. @throws StoreError `refused` if it exists; `full`, `unavailable` */
  static async create(path: string, space: DiskSpace): Promise<DiskFile> {
    const file = open(path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, 0o600)
    return new DiskFile(await onDisk('create the file', file), space, 0)
  }

  /** For reading. Follows no link, and waits for no pipe: they hold no bytes of ours. @throws StoreError `missing`, `unavailable` */
  static async open(path: string, space: DiskSpace): Promise<DiskFile> {
    const opening = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error) => {
      if (errnoOf(error) !== 'ELOOP') throw error
    })
    const file = await onDisk('open the file', unlessMissing(opening))
    if (!file) throw new StoreError('missing', 'there is no such file')
    try {
      const found = await onDisk('measure the file', file.stat())
      if (!found.isFile()) throw new StoreError('missing', 'what is in its place is no file')
      return new DiskFile(file, space, found.size)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Gets room for so many bytes more, and ahead for as many as are written already. @throws StoreError `full` */
  async reserve(bytes: number): Promise<void> {
    const least = bytes - this.#roomBytes
    if (least <= 0) return
    const ahead = Math.min(this.sizeBytes, MAX_AHEAD_BYTES)
    this.#roomBytes += await this.#space.allot(least, Math.max(least, ahead))
  }

  /** @throws StoreError `full`, `unavailable` */
  async append(bytes: Uint8Array): Promise<void> {
    await this.reserve(bytes.byteLength)
    // A write may be short without an error: on a full disk the next one tells why.
    for (let done = 0; done < bytes.byteLength; ) {
      const write = this.#file.write(bytes, done, bytes.byteLength - done, this.sizeBytes + done)
      const { bytesWritten } = await onDisk('write the bytes', write)
      if (bytesWritten === 0)
        throw new StoreError('unavailable', 'cannot write the bytes: the disk takes none')
      done += bytesWritten
    }
    this.sizeBytes += bytes.byteLength
    this.#roomBytes -= bytes.byteLength
    this.#space.giveBack(bytes.byteLength)
  }

  /** The size is synced with the data; only times may be lost, and nobody reads them. */
  sync(): Promise<void> {
    return onDisk('sync the bytes', this.#file.datasync())
  }

  /** Fills `chunk` from `position`. @throws StoreError `missing` if the file is too short */
  async readInto(chunk: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < chunk.byteLength; ) {
      const reading = this.#file.read(chunk, done, chunk.byteLength - done, position + done)
      const { bytesRead } = await onDisk('read the bytes', reading)
      if (bytesRead === 0) throw new StoreError('missing', 'the file has become too short')
      done += bytesRead
    }
  }

  /** Waits for a read under way. Safe to call twice. A failure may mean bytes that did not reach the disk (close(2)). */
  async close(): Promise<void> {
    this.#space.giveBack(this.#roomBytes)
    this.#roomBytes = 0
    await onDisk('close the file', this.#file.close())
  }
}
