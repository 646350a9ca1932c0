import type { Worker } from 'node:worker_threads'
import type { WholeDigest } from '../core/incoming-body.ts'
import { EMPTY_CHAIN, extendChain } from '../core/uploads/digest-chain.ts'

/** A body of an upload whose bytes come in several, at this offset. */
export interface CarriedBody {
  /** The same for all bodies of the upload, and for no other. */
  readonly upload: string
  readonly offset: number
}

/** What a worker does beside hashing the body. The states of SHA-256 that it keeps have numbers. */
export interface CarryTask {
  /** The state to continue; undefined: the body is the first of its upload. */
  readonly from: number | undefined
  /** The number of the state after the body. */
  readonly to: number
}

/** Tells a worker that nobody asks for a state any more. */
export interface DroppedState {
  readonly dropped: number
}

interface KeptState {
  readonly worker: Worker
  readonly number: number
  /** So many bytes went into it. */
  readonly offset: number
  /** The bodies that went into it. */
  readonly chain: string
}

/** Each takes some 200 bytes in a worker. */
const MAX_STATES = 1000

/** By upload, the oldest first. */
const states = new Map<string, KeptState>()
let lastNumber = 0

/** The SHA-256 of an upload, carried through one body by the worker that has its state. */
export class CarriedDigest {
  readonly #body: CarriedBody
  readonly #before: KeptState | undefined
  readonly task: CarryTask

  private constructor(body: CarriedBody, before: KeptState | undefined) {
    this.#body = body
    this.#before = before
    this.task = { from: before?.number, to: ++lastNumber }
  }

  /** Undefined if the bytes before this body are not known here. */
  static begin(body: CarriedBody): CarriedDigest | undefined {
    const before = states.get(body.upload)
    if (before?.offset === body.offset) return new CarriedDigest(body, before)
    // What is known is of bytes that were not kept.
    dropState(body.upload)
    return body.offset === 0 ? new CarriedDigest(body, undefined) : undefined
  }

  /** The only worker that can continue the upload; undefined: any can. */
  get worker(): Worker | undefined {
    return this.#before?.worker
  }

  /** After the body: its worker has kept the state, and the next body may continue it. */
  end(worker: Worker, sizeBytes: number, sha256: string, wholeSha256: string): WholeDigest {
    const { upload, offset } = this.#body
    const chain = extendChain(this.#before?.chain ?? EMPTY_CHAIN, sha256)
    dropState(upload)
    states.set(upload, { worker, number: this.task.to, offset: offset + sizeBytes, chain })
    const [oldest] = states.keys()
    if (oldest !== undefined && states.size > MAX_STATES) dropState(oldest)
    return { sha256: wholeSha256, chain }
  }
}

/** Of a worker that has died. */
export function dropStatesOf(worker: Worker): void {
  for (const [upload, state] of states) if (state.worker === worker) states.delete(upload)
}

function dropState(upload: string): void {
  const state = states.get(upload)
  states.delete(upload)
  state?.worker.postMessage({ dropped: state.number } satisfies DroppedState)
}
