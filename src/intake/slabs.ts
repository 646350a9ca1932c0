import type { Holding } from '../core/limits/fair-budget.ts'
import type { ChunkSink } from './body-source.ts'
import { type BodyDigest, type ComputedDigests, type DigestWork, openDigest } from './digest-pool.ts'
import { Handoff } from './handoff.ts'

/**
 * Who needs the memory of a chunk: `passing`: nobody once the next chunk has come; it is given back then and there.
 * `kept`: perhaps others; the garbage collector finds out.
 */
export type ChunkMemory = 'passing' | 'kept'

const KIB = 1024
/**
 * Of one body: one is filled, one is with the consumer, one is hashed, and one keeps them from waiting for each other. Each
 * wakes three threads on its way, which is a sixth of the work at 256 KiB; only the first, which needs no leave, is so small.
 */
const SLAB_BYTES = [256 * KIB, 512 * KIB, 512 * KIB, 512 * KIB] as const
const MAX_IDLE_BYTES = 16 * 1024 * KIB

/**
 * Slabs that no body holds. Not shared memory: that is freed only by chance, as no heap counts it, and a consumer
 * that kept a chunk for too long would not notice. A slab that moves to a worker is cut off from its old views.
 */
const idleSlabs: ArrayBuffer[] = []
let idleBytes = 0

function takeIdle(sizeBytes: number): ArrayBuffer | undefined {
  const index = idleSlabs.findIndex(({ byteLength }) => byteLength === sizeBytes)
  if (index < 0) return undefined
  idleBytes -= sizeBytes
  return idleSlabs.splice(index, 1)[0]
}

function keepIdle(slab: ArrayBuffer): void {
  // Frees it now, rather than when the heap next looks.
  if (idleBytes + slab.byteLength > MAX_IDLE_BYTES) return void slab.transfer(0)
  idleBytes += slab.byteLength
  idleSlabs.push(slab)
}

interface Slab {
  readonly memory: ArrayBuffer
  readonly filled: number
}

/**
 * Gathers one large body in a few slabs, as many as there is memory for, and fills them ahead of the consumer; after the
 * consumer a worker hashes them. While all slabs are in use it takes no more.
 */
export class SlabPipe implements ChunkSink {
  readonly #resume: () => void
  readonly #digest: BodyDigest
  readonly #charged: Holding | undefined
  readonly #passed: PassedMemory | undefined
  readonly #free: ArrayBuffer[] = []
  readonly #full = new Handoff<Slab>()
  /** Chunks for which no slab was free; of the first, `#taken` bytes are in slabs. */
  readonly #waiting: Uint8Array[] = []
  #taken = 0
  #filling: ArrayBuffer | undefined
  #filled = 0
  #slabCount = 0
  #hasEnded = false
  #isClosed = false

  /** `resume` is called when it takes chunks again. */
  constructor(work: DigestWork, memory: ChunkMemory, charged: Holding | undefined, resume: () => void) {
    this.#resume = resume
    this.#charged = charged
    this.#passed = memory === 'passing' ? new PassedMemory() : undefined
    this.#digest = openDigest(work, (error) => this.#full.fail(error))
  }

  write(chunk: Uint8Array): boolean {
    this.#waiting.push(chunk)
    return this.#fill()
  }

  end(): void {
    this.#hasEnded = true
    if (this.#waiting.length === 0) this.#handOverLast()
  }

  fail(error: Error): void {
    this.#full.fail(error)
  }

  /** Yields all that is written; returns its digests, or undefined if it was given up before its end. Called once. */
  async *pour(): AsyncGenerator<Uint8Array, ComputedDigests | undefined> {
    try {
      for (let slab = await this.#full.take(); slab; slab = await this.#full.take()) {
        yield new Uint8Array(slab.memory, 0, slab.filled)
        this.#digest.add(slab.memory, slab.filled, (memory) => this.#release(memory))
      }
      return this.#hasEnded ? await this.#digest.finish() : undefined
    } finally {
      this.close()
    }
  }

  /** Who pours waits for nothing more. */
  giveUp(): void {
    this.#full.end()
  }

  /** Slabs that the consumer or the worker has come back later, or go with their last holder. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#charged?.release()
    this.#digest.drop()
    this.#waiting.length = 0
    if (this.#filling) this.#release(this.#filling)
    for (const memory of this.#free.splice(0)) this.#release(memory)
    for (const { memory } of this.#full.drain()) this.#release(memory)
  }

  /** @returns whether nothing waits for a slab */
  #fill(): boolean {
    for (let [chunk] = this.#waiting; chunk !== undefined; [chunk] = this.#waiting) {
      this.#filling ??= this.#takeFree()
      if (this.#filling === undefined) return false
      const room = this.#filling.byteLength - this.#filled
      const isLast = chunk.byteLength - this.#taken <= room
      const fitting = isLast ? chunk.subarray(this.#taken) : chunk.subarray(this.#taken, this.#taken + room)
      new Uint8Array(this.#filling).set(fitting, this.#filled)
      this.#filled += fitting.byteLength
      this.#taken = isLast ? 0 : this.#taken + room
      if (isLast) this.#passOn(chunk)
      if (this.#filled === this.#filling.byteLength) this.#handOver(this.#filling)
    }
    return true
  }

  /** All bytes of the first chunk are in slabs. */
  #passOn(chunk: Uint8Array): void {
    this.#waiting.shift()
    this.#passed?.next(chunk)
  }

  #handOver(memory: ArrayBuffer): void {
    this.#full.put({ memory, filled: this.#filled })
    this.#filling = undefined
    this.#filled = 0
  }

  #handOverLast(): void {
    if (this.#filling) this.#handOver(this.#filling)
    this.#full.end()
  }

  /** Undefined while all are in use. */
  #takeFree(): ArrayBuffer | undefined {
    const free = this.#free.pop()
    const sizeBytes = SLAB_BYTES[this.#slabCount]
    if (free !== undefined || sizeBytes === undefined) return free
    // One is always there: a body goes on, if more slowly, without the others.
    if (this.#slabCount > 0 && this.#charged?.tryGrow(sizeBytes) === false) return undefined
    this.#slabCount += 1
    return takeIdle(sizeBytes) ?? new ArrayBuffer(sizeBytes)
  }

  #release(memory: ArrayBuffer): void {
    if (this.#isClosed) keepIdle(memory)
    else this.#refill(memory)
  }

  #refill(memory: ArrayBuffer): void {
    this.#free.push(memory)
    if (this.#waiting.length === 0 || !this.#fill()) return
    if (this.#hasEnded) this.#handOverLast()
    else this.#resume()
  }
}

/**
 * Gives the memory of chunks back as soon as chunks of other memory come. Left to the garbage collector, each 64 MiB of a
 * body would make it walk through the whole heap: V8 counts memory outside of it, and takes much of it for a reason to
 * collect. Measured with a body of 512 MiB, that is up to half of all the work.
 */
class PassedMemory {
  #last: Uint8Array | undefined

  next(chunk: Uint8Array): void {
    const last = this.#last
    this.#last = chunk
    if (last === undefined) return
    const { buffer, byteLength } = last
    // A part of a larger piece of memory may have siblings, and many small Buffers share one pool.
    const isWhole = byteLength > 0 && byteLength === buffer.byteLength
    if (isWhole && buffer !== chunk.buffer && buffer instanceof ArrayBuffer) buffer.transfer(0)
  }
}
