import type { Digests, IncomingBody } from '../core/incoming-body.ts'
import type { Holding } from '../core/limits/fair-budget.ts'
import { type BodyLimits, BodySource, Handoff } from './body-source.ts'
import { type BodyDigest, digestsOf, type FurtherDigests, type HexDigests, openDigest } from './digests.ts'

/** Computed beside SHA-256. */
export interface WantedDigests {
  readonly md5: boolean
  readonly further?: FurtherDigests
  /** Looks at all that were computed; if it throws, the iteration throws that at its end. */
  readonly check?: (digests: HexDigests) => void
}

/**
 * Who needs the memory of a chunk: `passing`: nobody once the next chunk has come; it is given back then and there.
 * `kept`: perhaps others; the garbage collector finds out.
 */
export type ChunkMemory = 'passing' | 'kept'

/** Smaller bodies are hashed where they are: a worker's answer would take longer, and 64 KiB block for 0.2 ms. */
const SMALL_BODY_BYTES = 64 * 1024

/**
 * Bytes of a request, or of a part of one, on their way in. Reading starts with the iteration. After a failure the
 * rest of the request is left unread, its socket open: the caller answers, then closes the connection.
 * Large bodies take 256 KiB here, whatever their size, and up to 1 MiB as far as `charged` can grow; it is released at the end.
 */
export function receiveBody(
  source: AsyncIterable<Uint8Array>,
  limits: BodyLimits,
  { md5, further: others = [], check }: WantedDigests,
  memory: ChunkMemory = 'kept',
  charged?: Holding,
): IncomingBody {
  const further = md5 && !others.includes('md5') ? [...others, 'md5' as const] : others
  let known: Digests | undefined
  const settle = (sizeBytes: number, digests: HexDigests) => {
    check?.(digests)
    known = { sizeBytes, sha256: digests.sha256, md5: digests.md5 ?? null }
  }
  async function* pass(chunks: BodySource): AsyncGenerator<Uint8Array, void> {
    try {
      const { bytes, isWhole } = await readHead(chunks)
      if (isWhole) {
        settle(bytes.byteLength, digestsOf(bytes, further))
        if (bytes.byteLength > 0) yield bytes
        return
      }
      const digests = yield* new SlabPipe(chunks, further, memory, charged).pour(bytes)
      settle(chunks.sizeBytes, digests)
    } finally {
      chunks.close()
    }
  }
  return {
    digests: () => {
      if (known === undefined) throw new Error('the body has not passed yet')
      return known
    },
    [Symbol.asyncIterator]: () => {
      const chunks = new BodySource(source, limits)
      const passing = pass(chunks)
      return {
        next: () => passing.next(),
        // A generator that waits cannot be told to stop; closing its source ends the wait.
        return: () => {
          chunks.close()
          return passing.return()
        },
      }
    },
  }
}

/** The first bytes: all of a small body, or more than a small body has. */
async function readHead(source: BodySource): Promise<{ bytes: Uint8Array; isWhole: boolean }> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  let chunk: Uint8Array | undefined
  while (sizeBytes <= SMALL_BODY_BYTES) {
    chunk = await source.next()
    if (chunk === undefined) break
    chunks.push(chunk)
    sizeBytes += chunk.byteLength
  }
  const [first] = chunks
  const bytes = first && chunks.length === 1 ? first : Buffer.concat(chunks)
  return { bytes, isWhole: chunk === undefined }
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
class SlabPipe {
  readonly #source: BodySource
  readonly #digest: BodyDigest
  readonly #charged: Holding | undefined
  readonly #passed: PassedMemory | undefined
  readonly #free = new Handoff<ArrayBuffer>()
  readonly #full = new Handoff<Slab>()
  #slabCount = 0
  #isClosed = false

  constructor(
    source: BodySource,
    further: FurtherDigests,
    memory: ChunkMemory,
    charged: Holding | undefined,
  ) {
    this.#source = source
    this.#charged = charged
    this.#passed = memory === 'passing' ? new PassedMemory() : undefined
    this.#digest = openDigest(further, (error) => this.#full.fail(error))
  }

  /** Yields `head`, then the rest of the source; returns the digests of all. Called once. */
  async *pour(head: Uint8Array): AsyncGenerator<Uint8Array, HexDigests> {
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
    const { buffer, byteLength } = this.#last ?? nothing
    // A part of a larger piece of memory may have siblings, and many small Buffers share one pool.
    const isWhole = byteLength > 0 && byteLength === buffer.byteLength
    if (isWhole && buffer !== chunk.buffer && buffer instanceof ArrayBuffer) buffer.transfer(0)
    this.#last = chunk
  }
}

const nothing = new Uint8Array(0)
