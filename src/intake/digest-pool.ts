import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../core/errors.ts'
import type { DigestAnswer, DigestRequest } from './digest-worker.ts'
import type { FurtherDigests, HexDigests } from './digests.ts'

/** One core stays with the main thread, which receives and writes the bytes. */
const MAX_WORKERS = Math.max(1, Math.min(4, availableParallelism() - 1))

/** The digests of one body, computed by a worker while the body passes. Must end with `finish` or `drop`. */
export interface BodyDigest {
  /** Hashes the next bytes. Takes `slab` away and gives it back to `done`; never, if the worker dies. */
  add(slab: ArrayBuffer, byteLength: number, done: (slab: ArrayBuffer) => void): void
  finish(): Promise<HexDigests>
  /** Frees what the worker holds. What was added before is still hashed, and `done`. */
  drop(): void
}

interface Job {
  /** Who gets the slabs that the worker has, oldest first. */
  readonly added: ((slab: ArrayBuffer) => void)[]
  readonly finished: PromiseWithResolvers<HexDigests>
  readonly onFailure: (error: Error) => void
}

const workers = new Set<DigestWorker>()

/** Gives the body to the least busy worker; starts one more if all are busy. `onFailure` hears of its death. */
export function openDigest(further: FurtherDigests, onFailure: (error: Error) => void): BodyDigest {
  const idlest = [...workers].sort((a, b) => a.jobCount - b.jobCount)[0]
  const isShort = idlest === undefined || (idlest.jobCount > 0 && workers.size < MAX_WORKERS)
  return (isShort ? new DigestWorker() : idlest).open(further, onFailure)
}

/** A worker thread, and the bodies it is hashing; it keeps the process alive only while there are some. */
class DigestWorker {
  readonly #jobs = new Map<number, Job>()
  readonly #worker: Worker
  #lastBody = 0

  constructor() {
    this.#worker = new Worker(new URL('./digest-worker.ts', import.meta.url), {
      name: 'digest',
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
    })
    this.#worker.on('message', (answer: DigestAnswer) => this.#settle(answer))
    this.#worker.on('error', (error) => this.#die(error))
    this.#worker.on('exit', () => this.#die(undefined))
    this.#worker.unref()
    workers.add(this)
  }

  get jobCount(): number {
    return this.#jobs.size
  }

  open(further: FurtherDigests, onFailure: (error: Error) => void): BodyDigest {
    const body = ++this.#lastBody
    const job: Job = { added: [], finished: Promise.withResolvers(), onFailure }
    // Whoever dropped the body does not wait for its digests.
    job.finished.promise.catch(() => {})
    this.#jobs.set(body, job)
    this.#worker.ref()
    this.#worker.postMessage({ kind: 'open', body, further } satisfies DigestRequest)
    return {
      add: (slab, byteLength, done) => {
        job.added.push(done)
        this.#worker.postMessage({ kind: 'add', body, slab, byteLength } satisfies DigestRequest, [slab])
      },
      finish: () => {
        this.#worker.postMessage({ kind: 'finish', body } satisfies DigestRequest)
        return job.finished.promise
      },
      drop: () => this.#worker.postMessage({ kind: 'drop', body } satisfies DigestRequest),
    }
  }

  #settle(answer: DigestAnswer): void {
    const job = this.#jobs.get(answer.body)
    if (answer.kind === 'added') {
      job?.added.shift()?.(answer.slab)
      return
    }
    if (answer.kind === 'finished') job?.finished.resolve(answer.digests)
    this.#jobs.delete(answer.body)
    if (this.#jobs.size === 0) this.#worker.unref()
  }

  #die(cause: unknown): void {
    workers.delete(this)
    const error = new ServiceError('internal', 'The body could not be checked.', { cause })
    for (const job of this.#jobs.values()) {
      job.finished.reject(error)
      job.onFailure(error)
    }
    this.#jobs.clear()
  }
}
