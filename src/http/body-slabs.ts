import { Handoff } from './body-handoff.ts'
import type { BodySource } from './body-source.ts'
import { type DigestJob, openDigest } from './digest-pool.ts'

const SLAB_BYTES = 256 * 1024
/** One is written, one is hashed, one is filled, and one keeps them from waiting for each other. */
const SLABS_PER_BODY = 4
const MAX_IDLE_SLABS = 64

export interface HexDigests {
  readonly sha256: string
  readonly md5: string
}

/** Memory that no body holds at the moment. */
const idleSlabs: SharedArrayBuffer[] = []

/** A piece of a body. It may be filled anew once both the consumer and both hashers are done with it. */
interface Slab {
  readonly memory: SharedArrayBuffer
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
  readonly #sha256: DigestJob
  readonly #md5: DigestJob
  readonly #slabs: Slab[] = []
  readonly #free = new Handoff<Slab>()
  readonly #full = new Handoff<Slab>()
  #isClosed = false

  constructor(source: BodySource) {
    this.#source = source
    const onFailure = (error: Error) => this.#full.fail(error)
    this.#sha256 = openDigest('sha256', onFailure)
    this.#md5 = openDigest('md5', onFailure)
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
      const [sha256, md5] = await Promise.all([this.#sha256.finish(), this.#md5.finish()])
      this.#retire()
      return { sha256, md5 }
    } finally {
      this.#isClosed = true
      this.#free.end()
      this.#sha256.drop()
      this.#md5.drop()
    }
  }

  async #fill(head: Uint8Array): Promise<void> {
    let slab = await this.#takeFree()
    for (let chunk: Uint8Array | undefined = head; chunk; chunk = await this.#source.next()) {
      for (let rest = chunk; rest.byteLength > 0; ) {
        if (!slab) return
        const fitting = rest.subarray(0, SLAB_BYTES - slab.filled)
        slab.filled += copy(fitting, slab.bytes, slab.filled)
        rest = rest.subarray(fitting.byteLength)
        if (slab.filled < SLAB_BYTES) continue
        this.#handOver(slab)
        slab = await this.#takeFree()
      }
    }
    if (slab && slab.filled > 0) this.#handOver(slab)
  }

  #handOver(slab: Slab): void {
    if (this.#isClosed) return
    slab.holders = 3
    this.#sha256.add(slab.memory, slab.filled, () => this.#release(slab))
    this.#md5.add(slab.memory, slab.filled, () => this.#release(slab))
    this.#full.put(slab)
  }

  #release(slab: Slab): void {
    slab.holders -= 1
    if (slab.holders > 0) return
    slab.filled = 0
    this.#free.put(slab)
  }

  /** Undefined once the pipe is closed. */
  async #takeFree(): Promise<Slab | undefined> {
    if (!this.#free.isEmpty || this.#slabs.length === SLABS_PER_BODY) return this.#free.take()
    const memory = idleSlabs.pop() ?? new SharedArrayBuffer(SLAB_BYTES)
    const slab = { memory, bytes: Buffer.from(memory), filled: 0, holders: 0 }
    this.#slabs.push(slab)
    return slab
  }

  /** Only after the worker's last answer: by then nobody holds a slab. Those of a broken body are left to the heap. */
  #retire(): void {
    for (const { memory } of this.#slabs.splice(0)) {
      if (idleSlabs.length < MAX_IDLE_SLABS) idleSlabs.push(memory)
    }
  }
}

/** `Uint8Array.set` into shared memory moves unaligned bytes one by one; a Buffer copies them at full speed. */
function copy(from: Uint8Array, to: Buffer, offset: number): number {
  return Buffer.from(from.buffer, from.byteOffset, from.byteLength).copy(to, offset)
}
