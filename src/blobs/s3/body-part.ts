import { createHash, type Hash, hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import type { FairBudget, Holding } from '../../core/limits/fair-budget.ts'
import type { Spool, SpoolFile } from './spool.ts'

/** Parts of this size use the same buffers in turn: the system would have to clear new ones, page by page. */
export const POOLED_BYTES = 16 * 1024 * 1024
const MAX_IDLE_BUFFERS = 4
/** The first buffer, unless a shorter body is announced. */
const MIN_BUFFER_BYTES = 64 * 1024
/** The larger the factor, the fewer bytes are copied, and the more memory is charged before it is needed. */
const GROWTH = 4
/** A part that fills more slowly than this holds no memory. */
const MIN_BYTES_PER_LOOK = 256 * 1024
const LOOK_MS = 1_000
/** A file is filled from memory in pieces of this size. */
const PIECE_BYTES = 256 * 1024
/** Larger parts are hashed on another thread. */
const HASH_ASIDE_BYTES = 256 * 1024

/** Where the parts of all bodies collect. */
export interface PartRoom {
  readonly memory: FairBudget
  readonly spool: Spool
}

export interface PartOptions {
  readonly organizationId: string
  /** The longest that a part may become. */
  readonly maxBytes: number
  /** The announced length of the body, if any. */
  readonly expectedBytes: number
}

/**
 * A part of a body: bytes that are collected once and can be read several times. They collect in memory while the
 * organization's share has room, and otherwise in a file of the spool; a part that fills slowly moves there, too.
 */
export class BodyPart implements AsyncDisposable {
  readonly #spool: Spool
  readonly #options: PartOptions
  readonly #holding: Holding
  readonly #timer: NodeJS.Timeout
  #bytesAtLook: number | undefined
  #buffer: Buffer<ArrayBuffer> | undefined
  /** Set once the memory is being given up. */
  #moved: Promise<Moved> | undefined
  /** Of all bytes so far. */
  crc32 = 0
  sizeBytes = 0

  constructor({ memory, spool }: PartRoom, options: PartOptions) {
    this.#spool = spool
    this.#options = options
    this.#holding = memory.open(options.organizationId)
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref()
  }

  /** @throws StoreError `unavailable` if there is no room in time */
  async append(bytes: Uint8Array): Promise<void> {
    if (this.#moved === undefined && this.#tryGrow(this.sizeBytes + bytes.byteLength)) {
      this.#buffer?.set(bytes, this.sizeBytes)
    } else {
      const { file, hash } = await this.#move()
      hash.update(bytes)
      await file.append(bytes)
    }
    this.crc32 = crc32(bytes, this.crc32)
    this.sizeBytes += bytes.byteLength
  }

  /** No more bytes come: from now on the part stays where it is. */
  async seal(): Promise<void> {
    clearInterval(this.#timer)
    await this.#moved
  }

  /** Of a sealed part, hexadecimal. */
  async sha256(): Promise<string> {
    const moved = await this.#moved
    return moved ? moved.hash.copy().digest('hex') : hashAside(this.#bytes)
  }

  /** Of a sealed part: all bytes, or a stream of them that has to be destroyed unless it ends. */
  async read(): Promise<Uint8Array<ArrayBuffer> | Readable> {
    return (await this.#moved)?.file.read() ?? this.#bytes
  }

  /** Frees its room. Safe to call twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    const moved = await this.#moved?.catch(() => undefined)
    await moved?.file.close()
    this.#freeMemory()
  }

  get #bytes(): Buffer<ArrayBuffer> {
    return this.#buffer?.subarray(0, this.sizeBytes) ?? Buffer.alloc(0)
  }

  /** Charges each buffer as a whole, when it is made. @returns false if the organization's share does not allow it */
  #tryGrow(neededBytes: number): boolean {
    const { maxBytes, expectedBytes } = this.#options
    const capacity = this.#buffer?.byteLength ?? 0
    if (neededBytes <= capacity) return true
    const grown = Math.max(MIN_BUFFER_BYTES, capacity * GROWTH)
    const larger = Math.max(neededBytes, Math.min(maxBytes, expectedBytes, grown))
    if (!this.#holding.tryGrow(larger - capacity)) return false
    const buffer = takeBuffer(larger)
    buffer.set(this.#bytes)
    if (this.#buffer) giveBuffer(this.#buffer)
    this.#buffer = buffer
    return true
  }

  #look(): void {
    const { sizeBytes } = this
    const isSlow = this.#bytesAtLook !== undefined && sizeBytes - this.#bytesAtLook < MIN_BYTES_PER_LOOK
    this.#bytesAtLook = sizeBytes
    if (isSlow && sizeBytes > 0 && this.#spool.hasRoom(this.#options.organizationId, sizeBytes)) this.#move()
  }

  #move(): Promise<Moved> {
    if (this.#moved === undefined) {
      this.#moved = this.#copyToSpool()
      // The next append, or `seal`, throws its failure; until then it must not count as unhandled.
      this.#moved.catch(() => {})
    }
    return this.#moved
  }

  async #copyToSpool(): Promise<Moved> {
    const moved = { file: await this.#spool.create(this.#options.organizationId), hash: createHash('sha256') }
    try {
      for (let done = 0; done < this.sizeBytes; done += PIECE_BYTES) {
        const piece = this.#bytes.subarray(done, done + PIECE_BYTES)
        moved.hash.update(piece)
        await moved.file.append(piece)
      }
    } catch (error) {
      await moved.file.close()
      throw error
    }
    this.#freeMemory()
    return moved
  }

  #freeMemory(): void {
    if (this.#buffer) giveBuffer(this.#buffer)
    this.#buffer = undefined
    this.#holding.release()
  }
}

/** A part in the spool. It is hashed as it is written: later its file would have to be read for that. */
interface Moved {
  readonly file: SpoolFile
  readonly hash: Hash
}

const idleBuffers: Buffer<ArrayBuffer>[] = []

function takeBuffer(bytes: number): Buffer<ArrayBuffer> {
  return (bytes === POOLED_BYTES ? idleBuffers.pop() : undefined) ?? Buffer.allocUnsafeSlow(bytes)
}

/** Nobody may use it afterwards. */
function giveBuffer(buffer: Buffer<ArrayBuffer>): void {
  if (buffer.byteLength === POOLED_BYTES && idleBuffers.length < MAX_IDLE_BUFFERS) idleBuffers.push(buffer)
  // Frees it now instead of at the next garbage collection.
  else buffer.buffer.transfer(0)
}

/** Two hashes at a time, each behind the one before: hashing on another thread copies the bytes. */
const hashing: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()]

async function hashAside(bytes: Buffer<ArrayBuffer>): Promise<string> {
  if (bytes.byteLength < HASH_ASIDE_BYTES) return hash('sha256', bytes)
  const digest = Promise.resolve(hashing.shift()).then(() => crypto.subtle.digest('SHA-256', bytes))
  hashing.push(digest.catch(() => {}))
  return Buffer.from(await digest).toString('hex')
}
