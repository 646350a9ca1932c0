import type { Holding } from '../core/limits/fair-budget.ts'
import { type BodyDigest, type ComputedDigests, type DigestWork, openDigest } from './digest-pool.ts'
import { Handoff } from './handoff.ts'

/**
 * Who needs the memory of a chunk: `passing`: nobody once the next chunk has come; it is given back then and there.
 * `kept`: perhaps others; the garbage collector finds out.
 */
export type ChunkMemory = 'passing' | 'kept'

/** What comes in. Undefined: nothing more. */
interface Chunks {
  next(): Promise<Uint8Array | undefined>
}

const SLAB_BYTES = 256 * 1024
/** One is filled, one is with the consumer, one is hashed, and one keeps them from waiting for each other. */
const SLABS_PER_BODY = 4
const MAX_IDLE_SLABS = 64

/**
 * Slabs that no body holds. Not shared memory: that is freed only by chance, as no heap counts it, and a consumer
 * that kept a chunk for too long would not notice. A slab that moves to a worker is cut off from its old views.
 */
const idleSlabs: ArrayBuffer[] = []

interface Slab {
  readonly memory: ArrayBuffer
  readonly filled: number
}

/**
 * Gathers one large body in a few slabs, as many as there is memory for, and fills them ahead of the consumer; after the
 * consumer a worker hashes them. Reading stops when all slabs are in use.
 */
export class SlabPipe {
  readonly #source: Chunks
  readonly #digest: BodyDigest
  readonly #charged: Holding | undefined
  readonly #passed: PassedMemory | undefined
  readonly #free = new Handoff<ArrayBuffer>()
  readonly #full = new Handoff<Slab>()
  #slabCount = 0
  #isClosed = false

  constructor(source: Chunks, work: DigestWork, memory: ChunkMemory, charged: Holding | undefined) {
    this.#source = source
    this.#charged = charged
    this.#passed = memory === 'passing' ? new PassedMemory() : undefined
    this.#digest = openDigest(work, (error) => this.#full.fail(error))
  }

  /** Yields `head`, then the rest of the source; returns the digests of all. Called once. */
  async *pour(head: Uint8Array): AsyncGenerator<Uint8Array, ComputedDigests> {
    this.#fill(head).then(
      () => this.#full.end(),
      (error) => this.#full.fail(error),
    )
    try {
      for (let slab = await this.#full.take(); slab; slab = await this.#full.take()) {
        yield new Uint8Array(slab.memory, 0, slab.filled)
        this.#digest.add(slab.memory, slab.filled, (memory) => this.#release(memory))
      }
      return await this.#digest.finish()
    } finally {
      this.#close()
    }
  }

  async #fill(head: Uint8Array): Promise<void> {
    let memory = await this.#takeFree()
    let filled = 0
    for (let chunk: Uint8Array | undefined = head; chunk; chunk = await this.#source.next()) {
      this.#passed?.next(chunk)
      for (let rest = chunk; rest.byteLength > 0; ) {
        if (!memory) return
        const fitting = rest.subarray(0, SLAB_BYTES - filled)
        new Uint8Array(memory).set(fitting, filled)
        filled += fitting.byteLength
        rest = rest.subarray(fitting.byteLength)
        if (filled < SLAB_BYTES) continue
        this.#handOver({ memory, filled })
        memory = await this.#takeFree()
        filled = 0
      }
    }
    if (memory) this.#handOver({ memory, filled })
  }

  #handOver(slab: Slab): void {
    if (this.#isClosed || slab.filled === 0) this.#release(slab.memory)
    else this.#full.put(slab)
  }

  /** Undefined once the pipe is closed. */
  async #takeFree(): Promise<ArrayBuffer | undefined> {
    if (!this.#free.isEmpty || this.#isClosed || !this.#mayAddSlab()) return this.#free.take()
    this.#slabCount += 1
    return idleSlabs.pop() ?? new ArrayBuffer(SLAB_BYTES)
  }

  /** One is always there: a body goes on, if more slowly, without the others. */
  #mayAddSlab(): boolean {
    if (this.#slabCount === 0) return true
    return this.#slabCount < SLABS_PER_BODY && this.#charged?.tryGrow(SLAB_BYTES) !== false
  }

  #release(memory: ArrayBuffer): void {
    if (!this.#isClosed) this.#free.put(memory)
    else if (idleSlabs.length < MAX_IDLE_SLABS) idleSlabs.push(memory)
    // Frees it now, rather than when the heap next looks.
    else memory.transfer(0)
  }

  /** Slabs that the consumer or the worker has come back later, or go with their last holder. */
  #close(): void {
    this.#isClosed = true
    this.#charged?.release()
    this.#digest.drop()
    for (const memory of this.#free.drain()) this.#release(memory)
    for (const { memory } of this.#full.drain()) this.#release(memory)
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
