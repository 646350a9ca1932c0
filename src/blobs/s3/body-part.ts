import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import type { FairBudget, Holding } from '../../core/limits/fair-budget.ts'
import { giveBuffer, takeBuffer } from './part-buffers.ts'
import type { Spool, SpoolFile } from './spool.ts'

/** The larger the factor, the fewer bytes are copied, and the more memory is charged before it is needed. */
const GROWTH = 4
/** A file is filled from memory in pieces of this size. */
const PIECE_BYTES = 256 * 1024

/** Where the parts of all bodies collect. */
export interface PartRoom {
  readonly memory: FairBudget
  readonly spool: Spool
}

/** Whose part it is, and how long it may become. */
export interface PartOptions {
  readonly organizationId: string
  readonly maxBytes: number
  /** Of the first buffer, at least 1. One that is too small is replaced by a larger one. */
  readonly firstBufferBytes: number
}

/**
 * A part of a body: bytes that are collected once and can be read several times. They collect in memory while the
 * organization's share has room, and otherwise in a file of the spool. To be released in any case.
 */
export class BodyPart {
  readonly #spool: Spool
  readonly #options: PartOptions
  readonly #holding: Holding
  #buffer: Buffer<ArrayBuffer> | undefined
  #file: SpoolFile | undefined
  #hash: Hash | undefined
  /** Set once the memory is being given up. */
  #moved: Promise<void> | undefined
  /** Of all bytes so far. */
  crc32 = 0
  sizeBytes = 0

  constructor({ memory, spool }: PartRoom, options: PartOptions) {
    this.#spool = spool
    this.#options = options
    this.#holding = memory.open(options.organizationId)
  }

  /** Of a sealed part, hexadecimal; undefined where it is still to be computed. */
  get sha256(): string | undefined {
    return this.#hash?.copy().digest('hex')
  }

  /** @returns a promise only if there is something to wait for. @throws StoreError `unavailable` */
  append(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#moved === undefined && this.#makeRoom(this.sizeBytes + bytes.byteLength)) {
      this.#copy(bytes)
      return undefined
    }
    this.#moveToSpool()
    return this.#appendToFile(bytes)
  }

  /** Gives the memory up, if there is another place. A failure is that of the next append, or of `seal`. */
  giveMemoryUp(): void {
    if (this.#spool.hasRoom(this.#options.organizationId, this.sizeBytes)) this.#moveToSpool()
  }

  #moveToSpool(): void {
    if (this.#moved !== undefined) return
    this.#moved = this.#move()
    this.#moved.catch(() => undefined)
  }

  /** No more bytes come. */
  async seal(): Promise<void> {
    await this.#moved
  }

  /** Of a sealed part: all bytes, or a stream of them that has to be destroyed unless it ends. */
  read(): Uint8Array<ArrayBuffer> | Readable {
    return this.#file?.read() ?? this.#buffer?.subarray(0, this.sizeBytes) ?? Buffer.alloc(0)
  }

  async release(): Promise<void> {
    await this.#moved?.catch(() => undefined)
    this.#freeMemory()
    await this.#file?.close()
    this.#file = undefined
  }

  /** Charges each buffer as a whole, when it is made. @returns false if the organization's share does not allow it */
  #makeRoom(neededBytes: number): boolean {
    const { maxBytes, firstBufferBytes } = this.#options
    const capacity = this.#buffer?.byteLength ?? 0
    if (neededBytes <= capacity) return true
    let larger = capacity === 0 ? firstBufferBytes : capacity
    while (larger < neededBytes) larger = Math.min(maxBytes, larger * GROWTH)
    if (!this.#holding.tryGrow(larger - capacity)) return false
    const buffer = takeBuffer(larger)
    if (this.#buffer) {
      buffer.set(this.#buffer.subarray(0, this.sizeBytes))
      giveBuffer(this.#buffer)
    }
    this.#buffer = buffer
    return true
  }

  #copy(bytes: Uint8Array): void {
    const end = this.sizeBytes + bytes.byteLength
    this.#buffer?.set(bytes, this.sizeBytes)
    this.crc32 = crc32(this.#buffer?.subarray(this.sizeBytes, end) ?? bytes, this.crc32)
    this.sizeBytes = end
  }

  async #appendToFile(bytes: Uint8Array): Promise<void> {
    await this.#moved
    if (this.#file === undefined) throw new Error('a part that was moved has a file')
    this.#hash?.update(bytes)
    this.crc32 = crc32(bytes, this.crc32)
    await this.#file.append(bytes)
    this.sizeBytes += bytes.byteLength
  }

  async #move(): Promise<void> {
    const hash = createHash('sha256')
    const file = await this.#spool.create(this.#options.organizationId)
    this.#hash = hash
    this.#file = file
    for (let done = 0; done < this.sizeBytes; done += PIECE_BYTES) {
      const piece =
        this.#buffer?.subarray(done, Math.min(done + PIECE_BYTES, this.sizeBytes)) ?? Buffer.alloc(0)
      hash.update(piece)
      await file.append(piece)
    }
    this.#freeMemory()
  }

  #freeMemory(): void {
    if (this.#buffer) giveBuffer(this.#buffer)
    this.#buffer = undefined
    this.#holding.release()
  }
}
