import { availableParallelism } from 'node:os'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { ServiceError } from '../core/errors.ts'
import type { Holding } from '../core/limits/fair-budget.ts'
import type { DigestAlgorithm, FurtherDigests, HexDigests } from './digests.ts'

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

  constructor(source: Chunks, further: FurtherDigests, memory: ChunkMemory, charged: Holding | undefined) {
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
    const last = this.#last
    this.#last = chunk
    if (last === undefined) return
    const { buffer, byteLength } = last
    // A part of a larger piece of memory may have siblings, and many small Buffers share one pool.
    const isWhole = byteLength > 0 && byteLength === buffer.byteLength
    if (isWhole && buffer !== chunk.buffer && buffer instanceof ArrayBuffer) buffer.transfer(0)
  }
}

/** One core stays with the main thread, which receives and writes the bytes. */
const MAX_WORKERS = Math.max(1, Math.min(4, availableParallelism() - 1))

/** The digests of one body, computed by a worker while the body passes. Must end with `finish` or `drop`. */
interface BodyDigest {
  /** Hashes the next bytes. Takes `slab` away and gives it back to `done`; never, if the body is dropped or the worker dies. */
  add(slab: ArrayBuffer, byteLength: number, done: (slab: ArrayBuffer) => void): void
  finish(): Promise<HexDigests>
  /** Frees what the worker holds; slabs that it has do not come back. */
  drop(): void
}

/** What a worker gets first: a body's digests, and the port on which its slabs come and go. */
export interface DigestTask {
  readonly algorithms: readonly DigestAlgorithm[]
  readonly port: MessagePort
}

/** On the port: the first `byteLength` bytes of a slab, which comes back hashed; `end` asks for the digests. */
export type DigestStep = { readonly slab: ArrayBuffer; readonly byteLength: number } | 'end'

/** Workers, by how many bodies each is hashing. */
const workers = new Map<Worker, number>()
const crashes = new WeakMap<Worker, unknown>()

/** Gives the body to the least busy worker; starts one more if all are busy. `onFailure` hears of its death. */
function openDigest(further: FurtherDigests, onFailure: (error: Error) => void): BodyDigest {
  const worker = idleWorker()
  const { port1: port, port2 } = new MessageChannel()
  const slabsAtWorker: ((slab: ArrayBuffer) => void)[] = []
  const finished = Promise.withResolvers<HexDigests>()
  // Whoever dropped the body does not wait for its digests.
  finished.promise.catch(() => {})
  let isOver = false
  port.on('message', (answer: ArrayBuffer | HexDigests) => {
    if (answer instanceof ArrayBuffer) return slabsAtWorker.shift()?.(answer)
    isOver = true
    finished.resolve(answer)
  })
  port.on('close', () => {
    const bodies = workers.get(worker)
    if (bodies !== undefined) workers.set(worker, bodies - 1)
    if (isOver) return
    // The worker died: it closes no port before the end.
    const cause = crashes.get(worker)
    const error = new ServiceError('internal', 'The body could not be checked.', { cause })
    finished.reject(error)
    onFailure(error)
  })
  workers.set(worker, (workers.get(worker) ?? 0) + 1)
  worker.postMessage({ algorithms: ['sha256', ...further], port: port2 } satisfies DigestTask, [port2])
  return {
    add: (slab, byteLength, done) => {
      slabsAtWorker.push(done)
      port.postMessage({ slab, byteLength } satisfies DigestStep, [slab])
    },
    finish: () => {
      port.postMessage('end' satisfies DigestStep)
      return finished.promise
    },
    drop: () => {
      isOver = true
      port.close()
    },
  }
}

/** The ports of bodies, and not the workers, keep the process alive. */
function idleWorker(): Worker {
  const [idlest] = [...workers].toSorted(([, a], [, b]) => a - b)
  if (idlest !== undefined && (idlest[1] === 0 || workers.size === MAX_WORKERS)) return idlest[0]
  const worker = new Worker(new URL('./digest-worker.ts', import.meta.url), {
    name: 'digest',
    resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
  })
  // Its ports close then, which tells the bodies.
  worker.on('error', (error) => {
    crashes.set(worker, error)
    workers.delete(worker)
  })
  worker.on('exit', () => workers.delete(worker))
  worker.unref()
  workers.set(worker, 0)
  return worker
}

/** A queue between one giver and one taker, which may wait for the next item. */
export class Handoff<T> {
  readonly #items: T[] = []
  #over = false
  #error: unknown
  #waiting: PromiseWithResolvers<T | undefined> | undefined

  /** True while the taker waits. */
  get wanted(): boolean {
    return this.#waiting !== undefined
  }

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  put(item: T): void {
    if (this.#over) return
    if (this.#waiting) this.#settle().resolve(item)
    else this.#items.push(item)
  }

  /** Nothing more will come; what is queued can still be taken. */
  end(): void {
    this.#over = true
    if (this.#waiting) this.#settle().resolve(undefined)
  }

  /** Ends, and gives what nobody took. */
  drain(): T[] {
    this.end()
    return this.#items.splice(0)
  }

  /** Every further `take` throws, whatever is queued. The first end or failure counts. */
  fail(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#error = error
    this.#items.length = 0
    if (this.#waiting) this.#settle().reject(error)
  }

  /** The oldest item, or undefined after the end. One call at a time. */
  take(): Promise<T | undefined> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (this.#items.length > 0 || this.#over) return Promise.resolve(this.#items.shift())
    this.#waiting = Promise.withResolvers()
    return this.#waiting.promise
  }

  #settle(): PromiseWithResolvers<T | undefined> {
    const waiting = this.#waiting ?? Promise.withResolvers<T | undefined>()
    this.#waiting = undefined
    return waiting
  }
}
