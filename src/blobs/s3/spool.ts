import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { isStoreError, StoreError } from '../../core/errors.ts'
import { FairBudget, type Holding } from '../../core/limits/fair-budget.ts'
import { errnoOf, onDisk, unlessMissing } from '../disk/errors.ts'
import { BodyRoom, DiskSpace, type DiskSpaceOptions } from '../disk/space.ts'
import { writeAll } from '../disk/write.ts'
import { abortedError } from './until-aborted.ts'

const READ_BYTES = 128 * 1024
const WAIT_MS = 30_000
/** A full disk tells nobody when it has room again. */
const LOOK_AGAIN_MS = 1_000
const NO_ROOM = 'the spool has no room'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants

export interface SpoolOptions extends DiskSpaceOptions {
  /** Of all files together. */
  readonly maxBytes: number
  /** How long bytes wait for room before the body is refused. */
  readonly waitMs?: number
}

/**
 * A folder where parts of bodies wait on the disk instead of in memory. Its files have no name from the moment that they are
 * open, so whatever ends the process frees them.
 */
export class Spool {
  readonly #folder: string
  readonly #budget: FairBudget
  readonly #space: DiskSpace
  readonly #waitMs: number
  readonly #favourites: Favourites = new Map()

  private constructor(folder: string, { maxBytes, waitMs = WAIT_MS, ...room }: SpoolOptions) {
    this.#folder = folder
    this.#budget = new FairBudget(maxBytes)
    this.#space = new DiskSpace(folder, room)
    this.#waitMs = waitMs
  }

  /** Empties the folder. It is made when it is needed. @throws StoreError `unavailable` */
  static async open(folder: string, options: SpoolOptions): Promise<Spool> {
    // A crash between the open and the unlink of a file leaves its name. Another process may be just there: it minds as little.
    for (const name of await onDisk(`empty the spool ${folder}`, namesIn(folder)))
      await onDisk(`empty the spool ${folder}`, unlessMissing(unlink(join(folder, name))))
    return new Spool(folder, options)
  }

  get usedBytes(): number {
    return this.#budget.usedBytes
  }

  /** Whether the organization's share has so many bytes left. */
  hasRoom(organizationId: string, bytes: number): boolean {
    using holding = this.#budget.open(organizationId)
    return holding.tryGrow(bytes)
  }

  async create(organizationId: string): Promise<SpoolFile> {
    const path = join(this.#folder, randomUUID())
    const file = await onDisk('spool a body', this.#openNew(path))
    try {
      await onDisk('spool a body', unlessMissing(unlink(path)))
    } catch (error) {
      await file.close()
      throw error
    }
    const room = new SpoolRoom(this.#budget, this.#space, this.#favourites, organizationId, this.#waitMs)
    return new SpoolFile(file, room)
  }

  async #openNew(path: string): Promise<FileHandle> {
    const openIt = () => open(path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, 0o600)
    try {
      return await openIt()
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      await mkdir(this.#folder, { recursive: true, mode: 0o700 })
      return openIt()
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  let names: string[] = []
  await unlessMissing(
    readdir(folder).then((found) => {
      names = found
    }),
  )
  return names
}

/** Bytes that are written once, from the first to the last, and read as often as needed. To be closed in any case. */
export class SpoolFile {
  readonly #file: FileHandle
  readonly #room: SpoolRoom
  #sizeBytes = 0

  constructor(file: FileHandle, room: SpoolRoom) {
    this.#file = file
    this.#room = room
  }

  /** @throws StoreError `unavailable` if there is no room in time; `aborted` */
  async append(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    await this.#room.extend(bytes.byteLength, signal)
    try {
      await writeAll(this.#file, bytes, this.#sizeBytes)
    } catch (error) {
      // It is the bucket that keeps the bytes, and that is not full.
      throw isStoreError(error, 'full') ? new StoreError('unavailable', NO_ROOM, error) : error
    }
    this.#room.wrote(bytes.byteLength)
    this.#sizeBytes += bytes.byteLength
  }

  /** All bytes, in little memory. To be destroyed unless it ends. */
  read(): Readable {
    return Readable.from(this.#chunks(), { objectMode: false, highWaterMark: READ_BYTES })
  }

  /** Never fails: whoever read the bytes has them, and nobody else will. */
  async close(): Promise<void> {
    this.#room.release()
    await this.#file.close().catch(() => undefined)
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    for (let position = 0; position < this.#sizeBytes; ) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, this.#sizeBytes - position))
      const { bytesRead } = await onDisk('read the spool', this.#file.read(chunk, 0, chunk.length, position))
      if (bytesRead === 0) throw new StoreError('unavailable', 'the spool has lost bytes')
      position += bytesRead
      yield chunk.subarray(0, bytesRead)
    }
  }
}

/**
 * The file of each organization that may exceed its share: the first that had to wait, until it is closed. Parts that fill
 * free their room only once they are full, so without it they would wait for each other.
 */
type Favourites = Map<string, SpoolRoom>

/** The room of one file: of its organization's share of the spool, and of the disk. */
class SpoolRoom {
  readonly #budget: FairBudget
  readonly #favourites: Favourites
  readonly #organizationId: string
  readonly #holding: Holding
  readonly #disk: BodyRoom
  readonly #waitMs: number

  constructor(
    budget: FairBudget,
    space: DiskSpace,
    favourites: Favourites,
    organizationId: string,
    waitMs: number,
  ) {
    this.#budget = budget
    this.#favourites = favourites
    this.#organizationId = organizationId
    this.#holding = budget.open(organizationId)
    this.#disk = new BodyRoom(space)
    this.#waitMs = waitMs
  }

  /** Waits while there is none: nothing is read from the client meanwhile. @throws StoreError `unavailable`, `aborted` */
  async extend(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    const endsAt = performance.now() + this.#waitMs
    while (!(await this.#tryExtend(bytes))) {
      if (signal?.aborted) throw abortedError(signal)
      const leftMs = endsAt - performance.now()
      if (leftMs <= 0) throw new StoreError('unavailable', NO_ROOM)
      if (!this.#favourites.has(this.#organizationId)) {
        this.#favourites.set(this.#organizationId, this)
        continue
      }
      await Promise.race([this.#budget.nextFreed(), delay(Math.min(leftMs, LOOK_AGAIN_MS))])
    }
  }

  async #tryExtend(bytes: number): Promise<boolean> {
    try {
      if (!this.#disk.has(bytes)) await this.#disk.extend(bytes)
    } catch (error) {
      if (isStoreError(error, 'full')) return false
      throw error
    }
    return this.#holding.tryGrow(bytes, this.#isFavourite ? 'exceeded' : 'kept')
  }

  wrote(bytes: number): void {
    this.#disk.wrote(bytes)
  }

  get #isFavourite(): boolean {
    return this.#favourites.get(this.#organizationId) === this
  }

  release(): void {
    if (this.#isFavourite) this.#favourites.delete(this.#organizationId)
    this.#holding.release()
    this.#disk[Symbol.dispose]()
  }
}
