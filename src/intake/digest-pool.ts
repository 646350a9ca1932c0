import { availableParallelism } from 'node:os'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { ServiceError } from '../core/errors.ts'
import type { WholeDigest } from '../core/incoming-body.ts'
import { siblingModule } from '../core/sibling-module.ts'
import { type CarriedBody, CarriedDigest, type CarryTask, dropStatesOf } from './carried-digests.ts'
import type { FurtherDigests, HexDigests } from './digests.ts'

/** What is to be computed of a body. SHA-256 always is. */
export interface DigestWork {
  readonly further: FurtherDigests
  /** The upload whose SHA-256 this body continues. */
  readonly carried?: CarriedBody | undefined
}

export interface ComputedDigests {
  readonly own: HexDigests
  /** Of all bytes of the upload so far; undefined where the body continues nothing that is known here. */
  readonly whole: WholeDigest | undefined
}

/** One core stays with the main thread, which receives and writes the bytes. */
const MAX_WORKERS = Math.max(1, Math.min(4, availableParallelism() - 1))

/** The digests of one body, computed by a worker while the body passes. Must end with `finish` or `drop`. */
export interface BodyDigest {
  /** Hashes the next bytes. Takes `slab` away and gives it back to `done`; never, if the body is dropped or the worker dies. */
  add(slab: ArrayBuffer, byteLength: number, done: (slab: ArrayBuffer) => void): void
  finish(): Promise<ComputedDigests>
  /** Frees what the worker holds; slabs that it has do not come back. */
  drop(): void
}

/** What a worker gets first: a body's digests, and the port on which its slabs come and go. */
export interface DigestTask {
  /** Beside SHA-256. */
  readonly further: FurtherDigests
  readonly port: MessagePort
  readonly carry: CarryTask | undefined
}

export interface DigestAnswer {
  readonly own: HexDigests
  /** Undefined: nothing was carried. */
  readonly wholeSha256: string | undefined
}

/** On the port: the first `byteLength` bytes of a slab, which comes back hashed; `end` asks for the digests. */
export type DigestStep = { readonly slab: ArrayBuffer; readonly byteLength: number } | 'end'

/** Workers, by how many bodies each is hashing. */
const workers = new Map<Worker, number>()
const crashes = new WeakMap<Worker, unknown>()

/**
 * Gives the body to the worker that has the upload's state, or to the least busy one; starts one more if all are busy.
 * `onFailure` hears of its death.
 */
export function openDigest(work: DigestWork, onFailure: (error: Error) => void): BodyDigest {
  const carried = work.carried && CarriedDigest.begin(work.carried)
  const worker = carried?.worker ?? idleWorker()
  const { port1: port, port2 } = new MessageChannel()
  let sizeBytes = 0
  const slabsAtWorker: ((slab: ArrayBuffer) => void)[] = []
  const finished = Promise.withResolvers<ComputedDigests>()
  // Whoever dropped the body does not wait for its digests.
  finished.promise.catch(() => {})
  let isOver = false
  port.on('message', (answer: ArrayBuffer | DigestAnswer) => {
    if (answer instanceof ArrayBuffer) return slabsAtWorker.shift()?.(answer)
    isOver = true
    const { own, wholeSha256 } = answer
    const isWhole = wholeSha256 !== undefined
    const whole = isWhole ? carried?.end(worker, sizeBytes, own.sha256, wholeSha256) : undefined
    finished.resolve({ own, whole })
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
  const task: DigestTask = { further: work.further, port: port2, carry: carried?.task }
  worker.postMessage(task, [port2])
  return {
    add: (slab, byteLength, done) => {
      slabsAtWorker.push(done)
      sizeBytes += byteLength
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
  const worker = new Worker(siblingModule('digest-worker', import.meta.url), {
    name: 'digest',
    resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
  })
  // Its ports close then, which tells the bodies.
  worker.on('error', (error) => {
    crashes.set(worker, error)
    workers.delete(worker)
    dropStatesOf(worker)
  })
  worker.on('exit', () => {
    workers.delete(worker)
    dropStatesOf(worker)
  })
  worker.unref()
  workers.set(worker, 0)
  return worker
}
