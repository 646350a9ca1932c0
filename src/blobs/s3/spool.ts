import { randomUUID } from 'node:crypto'
import { mkdir, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { isStoreError, StoreError } from '../../core/errors.ts'
import { FairBudget, type Holding } from '../../core/limits/fair-budget.ts'
import { DiskFile, DiskSpace, type DiskSpaceOptions, onDisk, unlessMissing } from '../disk/disk.ts'
import { FileBytes } from '../disk/file-bytes.ts'

const READ_BYTES = 128 * 1024
const WAIT_MS = 30_000
/** A full disk tells nobody when it has room again. */
const LOOK_AGAIN_MS = 1_000
const NO_ROOM = 'the spool has no room'

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
  readonly #space: DiskSpace
  readonly #room: SharedRoom

  private constructor(folder: string, { maxBytes, waitMs = WAIT_MS, ...space }: SpoolOptions) {
    this.#folder = folder
    this.#space = new DiskSpace(folder, space)
    this.#room = { budget: new FairBudget(maxBytes), favourites: new Map(), waitMs }
  }

  /** Empties the folder. It is made when it is needed. @throws StoreError `unavailable` */
  static async open(folder: string, options: SpoolOptions): Promise<Spool> {
    // A crash between the open and the unlink of a file leaves its name. Another process that just made one has it open.
    await onDisk(`empty the spool ${folder}`, emptied(folder))
    return new Spool(folder, options)
  }

  get usedBytes(): number {
    return this.#room.budget.usedBytes
  }

  /** Whether the organization's share has so many bytes left. */
  hasRoom(organizationId: string, bytes: number): boolean {
    using holding = this.#room.budget.open(organizationId)
    return holding.tryGrow(bytes)
  }

  async create(organizationId: string): Promise<SpoolFile> {
    const path = join(this.#folder, randomUUID())
    await onDisk('make the spool', mkdir(this.#folder, { recursive: true, mode: 0o700 }))
    const file = await DiskFile.create(path, this.#space)
    try {
      await onDisk('spool a body', unlessMissing(unlink(path)))
    } catch (error) {
      await file.close().catch(() => {})
      throw error
    }
    return new SpoolFile(file, this.#room, organizationId)
  }
}

async function emptied(folder: string): Promise<void> {
  for (const name of (await unlessMissing(readdir(folder))) ?? [])
    await unlessMissing(unlink(join(folder, name)))
}

interface SharedRoom {
  readonly budget: FairBudget
  /**
   * The file of each organization that may exceed its share: the first that had to wait, until it is closed. Parts free their
   * room only once they are full, so without it those of one organization would wait for each other.
   */
  readonly favourites: Map<string, SpoolFile>
  readonly waitMs: number
}

/** Bytes that are written once, from the first to the last, and read as often as needed. To be closed in any case. */
export class SpoolFile {
  readonly #file: DiskFile
  readonly #room: SharedRoom
  readonly #organizationId: string
  readonly #holding: Holding

  constructor(file: DiskFile, room: SharedRoom, organizationId: string) {
    this.#file = file
    this.#room = room
    this.#organizationId = organizationId
    this.#holding = room.budget.open(organizationId)
  }

  /** Waits while there is no room: nothing is read from the client meanwhile. @throws StoreError `unavailable` */
  async append(bytes: Uint8Array): Promise<void> {
    const { budget, favourites, waitMs } = this.#room
    const endsAt = performance.now() + waitMs
    while (!(await this.#tryReserve(bytes.byteLength))) {
      const leftMs = endsAt - performance.now()
      if (leftMs <= 0) throw new StoreError('unavailable', NO_ROOM)
      if (favourites.has(this.#organizationId))
        await Promise.race([budget.nextFreed(), delay(Math.min(leftMs, LOOK_AGAIN_MS))])
      else favourites.set(this.#organizationId, this)
    }
    try {
      await this.#file.append(bytes)
    } catch (error) {
      // The bucket keeps the bytes, and is not full.
      throw isStoreError(error, 'full') ? new StoreError('unavailable', NO_ROOM, error) : error
    }
  }

  /** Room on the disk, and in the organization's share. */
  async #tryReserve(bytes: number): Promise<boolean> {
    try {
      await this.#file.reserve(bytes)
    } catch (error) {
      if (isStoreError(error, 'full')) return false
      throw error
    }
    return this.#holding.tryGrow(bytes, this.#isFavourite ? 'exceeded' : 'kept')
  }

  get #isFavourite(): boolean {
    return this.#room.favourites.get(this.#organizationId) === this
  }

  /** All bytes, in little memory. To be destroyed unless it ends. */
  read(): Readable {
    return new FileBytes(this.#file, {
      first: 0,
      end: this.#file.sizeBytes,
      chunkBytes: READ_BYTES,
      closes: false,
    })
  }

  /** Never fails: the bytes are not needed any more. */
  async close(): Promise<void> {
    if (this.#isFavourite) this.#room.favourites.delete(this.#organizationId)
    this.#holding.release()
    await this.#file.close().catch(() => {})
  }
}
