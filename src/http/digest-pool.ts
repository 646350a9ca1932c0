import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../core/errors.ts'
import type { DigestAlgorithm, DigestAnswer, DigestRequest } from './digest-worker.ts'

/** Two hash one body at once, each with its algorithm. More help only when many bodies come in at once. */
const MAX_WORKERS = Math.max(2, Math.min(4, availableParallelism() - 1))

/** The digest of one body, computed by a worker while the body passes. Must end with `finish` or `drop`. */
export interface DigestJob {
  /** Hashes the next bytes. `done` is called when `slab` may be overwritten; never, if the worker dies. */
  add(slab: SharedArrayBuffer, byteLength: number, done: () => void): void
  /** In hex. */
  finish(): Promise<string>
  /** Frees what the worker holds. What was added before is still hashed, and `done`. */
  drop(): void
}

interface OpenJob {
  /** The callbacks of slabs that the worker has not answered yet, oldest first. */
  readonly added: (() => void)[]
  readonly finished: PromiseWithResolvers<string>
  readonly onFailure: (error: Error) => void
}

const workers = new Set<DigestWorker>()

/** Gives the job to the least busy worker; starts one more if all are busy. `onFailure` hears of its death. */
export function openDigest(algorithm: DigestAlgorithm, onFailure: (error: Error) => void): DigestJob {
  const idlest = [...workers].sort((a, b) => a.jobCount - b.jobCount)[0]
  const wanted = idlest === undefined || (idlest.jobCount > 0 && workers.size < MAX_WORKERS)
  return (wanted ? new DigestWorker() : idlest).open(algorithm, onFailure)
}

/** A worker thread, and the jobs it has; it keeps the process alive only while there are some. */
class DigestWorker {
  readonly #jobs = new Map<number, OpenJob>()
  readonly #worker: Worker
  #lastJob = 0

  constructor() {
    this.#worker = new Worker(new URL('./digest-worker.ts', import.meta.url), {
      name: 'digest',
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
    })
    this.#worker.on('message', (answer: DigestAnswer) => this.#settle(answer))
    this.#worker.on('error', (error) => this.#die(error))
    this.#worker.on('exit', () => this.#die(undefined))
    workers.add(this)
  }

  get jobCount(): number {
    return this.#jobs.size
  }

  open(algorithm: DigestAlgorithm, onFailure: (error: Error) => void): DigestJob {
    const job = ++this.#lastJob
    const open: OpenJob = { added: [], finished: Promise.withResolvers(), onFailure }
    // Whoever dropped the job does not wait for its digest.
    open.finished.promise.catch(() => {})
    this.#jobs.set(job, open)
    this.#worker.ref()
    this.#post({ kind: 'open', job, algorithm })
    return {
      add: (slab, byteLength, done) => {
        open.added.push(done)
        this.#post({ kind: 'add', job, slab, byteLength })
      },
      finish: () => {
        this.#post({ kind: 'finish', job })
        return open.finished.promise
      },
      drop: () => this.#post({ kind: 'drop', job }),
    }
  }

  #post(request: DigestRequest): void {
    this.#worker.postMessage(request)
  }

  #settle(answer: DigestAnswer): void {
    const job = this.#jobs.get(answer.job)
    if (answer.kind === 'added') {
      job?.added.shift()?.()
      return
    }
    if (answer.kind === 'finished') job?.finished.resolve(answer.hex)
    this.#jobs.delete(answer.job)
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
