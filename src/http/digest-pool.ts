import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../core/errors.ts'
import type { DigestAnswer, DigestRequest, HexDigests } from './digest-worker.ts'

/** One core stays with the main thread, which receives and writes the bytes. */
const MAX_WORKERS = Math.max(1, Math.min(4, availableParallelism() - 1))

/** The digests of one body, computed by a worker while the body passes. Must end with `finish` or `drop`. */
export interface BodyDigest {
  /** Hashes the next bytes. `done` is called when they may be overwritten; never, if the worker dies. */
  add(offset: number, byteLength: number, done: () => void): void
  finish(): Promise<HexDigests>
  /** Frees what the worker holds. What was added before is still hashed, and `done`. */
  drop(): void
}

interface Job {
  /** The callbacks of pieces that the worker has not answered yet, oldest first. */
  readonly added: (() => void)[]
  readonly finished: PromiseWithResolvers<HexDigests>
  readonly onFailure: (error: Error) => void
}

const workers = new Set<DigestWorker>()

/**
 * Gives a body, whose bytes will lie in `memory`, to the least busy worker; starts one more if all are busy.
 * `onFailure` is called if that worker dies.
 */
export function openDigest(memory: SharedArrayBuffer, onFailure: (error: Error) => void): BodyDigest {
  const idlest = [...workers].sort((a, b) => a.jobCount - b.jobCount)[0]
  const wanted = idlest === undefined || (idlest.jobCount > 0 && workers.size < MAX_WORKERS)
  return (wanted ? new DigestWorker() : idlest).open(memory, onFailure)
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

  open(memory: SharedArrayBuffer, onFailure: (error: Error) => void): BodyDigest {
    const body = ++this.#lastBody
    const job: Job = { added: [], finished: Promise.withResolvers(), onFailure }
    // Whoever dropped the body does not wait for its digests.
    job.finished.promise.catch(() => {})
    this.#jobs.set(body, job)
    this.#worker.ref()
    this.#post({ kind: 'open', body, memory })
    return {
      add: (offset, byteLength, done) => {
        job.added.push(done)
        this.#post({ kind: 'add', body, offset, byteLength })
      },
      finish: () => {
        this.#post({ kind: 'finish', body })
        return job.finished.promise
      },
      drop: () => this.#post({ kind: 'drop', body }),
    }
  }

  #post(request: DigestRequest): void {
    this.#worker.postMessage(request)
  }

  #settle(answer: DigestAnswer): void {
    const job = this.#jobs.get(answer.body)
    if (answer.kind === 'added') {
      job?.added.shift()?.()
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
