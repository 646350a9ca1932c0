import { Handoff } from './body-handoff.ts'
import type { BodySource } from './body-source.ts'
import { type BodyDigest, openDigest } from './digest-pool.ts'
import type { HexDigests } from './digest-worker.ts'

const SLAB_BYTES = 256 * 1024
/** One is written, one is hashed, one is filled, and one keeps them from waiting for each other. */
const SLABS_PER_BODY = 4
const MAX_IDLE_MEMORIES = 16

/** Memory of bodies that are over: a body has one, as long as it lasts, and gives it back when all is well. */
const idleMemories: SharedArrayBuffer[] = []

/** A piece of a body's memory. It is free again once both the consumer and the hasher are done with it. */
interface Slab {
  readonly offset: number
  readonly bytes: Buffer
  filled: number
  holders: number
}

/**
 * Gathers one large body in a few slabs, filling them ahead of the consumer, and has each hashed by a worker while
 * the consumer works on it. Reading stops when all slabs are full.
 */
export class SlabPipe {
  readonly #source: BodySource
  readonly #memory: SharedArrayBuffer
  readonly #digest: BodyDigest
  readonly #free = new Handoff<Slab>()
  readonly #full = new Handoff<Slab>()
  #isClosed = false

  constructor(source: BodySource) {
    this.#source = source
    this.#memory = idleMemories.pop() ?? new SharedArrayBuffer(SLABS_PER_BODY * SLAB_BYTES)
    this.#digest = openDigest(this.#memory, (error) => this.#full.fail(error))
    for (let offset = 0; offset < this.#memory.byteLength; offset += SLAB_BYTES) {
      const bytes = Buffer.from(this.#memory, offset, SLAB_BYTES)
      this.#free.put({ offset, bytes, filled: 0, holders: 0 })
    }
  }

  /** Yields `head`, then the rest of the source; returns the digests of all. Called once. */
  async *pour(head: Uint8Array): AsyncGenerator<Uint8Array, HexDigests> {
    this.#fill(head).then(
      () => this.#full.end(),
      (error) => this.#full.fail(error),
    )
    try {
      for (let slab = await this.#full.take(); slab; slab = await this.#full.take()) {
        yield slab.bytes.subarray(0, slab.filled)
        this.#release(slab)
      }
      const digests = await this.#digest.finish()
      // After the last answer nobody holds a slab. The memory of a broken body is left to the heap.
      if (idleMemories.length < MAX_IDLE_MEMORIES) idleMemories.push(this.#memory)
      return digests
    } finally {
      this.#isClosed = true
      this.#free.end()
      this.#digest.drop()
    }
  }

  async #fill(head: Uint8Array): Promise<void> {
    let slab = await this.#free.take()
    for (let chunk: Uint8Array | undefined = head; chunk; chunk = await this.#source.next()) {
      for (let rest = chunk; rest.byteLength > 0; ) {
        if (!slab) return
        const fitting = rest.subarray(0, SLAB_BYTES - slab.filled)
        slab.filled += copy(fitting, slab.bytes, slab.filled)
        rest = rest.subarray(fitting.byteLength)
        if (slab.filled < SLAB_BYTES) continue
        this.#handOver(slab)
        slab = await this.#free.take()
      }
    }
    if (slab && slab.filled > 0) this.#handOver(slab)
  }

  #handOver(slab: Slab): void {
    if (this.#isClosed) return
    slab.holders = 2
    this.#digest.add(slab.offset, slab.filled, () => this.#release(slab))
    this.#full.put(slab)
  }

  #release(slab: Slab): void {
    slab.holders -= 1
    if (slab.holders > 0) return
    slab.filled = 0
    this.#free.put(slab)
  }
}

/** `Uint8Array.set` into shared memory moves unaligned bytes one by one; a Buffer copies them at full speed. */
function copy(from: Uint8Array, to: Buffer, offset: number): number {
  return Buffer.from(from.buffer, from.byteOffset, from.byteLength).copy(to, offset)
}
