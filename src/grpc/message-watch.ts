import type { ServerHttp2Stream } from 'node:http2'
import type { Holding } from '../core/limits/fair-budget.ts'
import { PaceWindow } from '../core/limits/pace-window.ts'
import { spreadRetry } from '../core/limits/retry-queue.ts'
import type { GrpcLimits } from './limits.ts'
import { type MessageBounds, PREFIX_BYTES, readPrefix, secondMessage } from './message-prefix.ts'
import { GrpcError } from './status.ts'

/** The library keeps the pieces of a message beside the whole for as long as the call lasts. */
const COPIES = 2

/** What a message takes of the memory for all. */
export function memoryOf(messageBytes: number): number {
  return messageBytes * COPIES
}

/** Calls that found no memory together are told to come back apart. */
const LEAST_RETRY_SECONDS = 5

export function memoryExhausted(what: 'calls' | 'uploads'): GrpcError {
  const message = `Too many ${what} at this moment; try again later.`
  return new GrpcError('RESOURCE_EXHAUSTED', message, spreadRetry(LEAST_RETRY_SECONDS))
}

export interface WatchOptions extends MessageBounds {
  readonly limits: Pick<GrpcLimits, 'minBytesPerSecond' | 'minRateWindowSeconds'>
  /** Charged as bytes come; released by whoever gave it. */
  readonly memory: Holding
  /** Called once at most; the call must end with it. */
  readonly refuse: (error: unknown) => void
}

/**
 * Looks at the bytes of a request on their way to the library, which gathers whole messages: one that is compressed, too
 * long or one too many is refused by its first five bytes, one for which there is no memory as soon as that is so, and one
 * that crawls is cut off.
 */
export class MessageWatch {
  readonly #stream: ServerHttp2Stream
  readonly #options: WatchOptions
  readonly #prefix = Buffer.alloc(PREFIX_BYTES)
  readonly #timer: NodeJS.Timeout
  readonly #window: PaceWindow
  #receivedBytes = 0
  #receivedAtTick = 0
  #wholeBytes = Number.POSITIVE_INFINITY

  constructor(stream: ServerHttp2Stream, options: WatchOptions) {
    this.#stream = stream
    this.#options = options
    const windowMs = options.limits.minRateWindowSeconds * 1000
    this.#window = new PaceWindow(windowMs)
    this.#timer = setInterval(this.#tick, windowMs).unref()
    // Before the library's own listener, so that what is refused never gets there.
    stream.prependListener('data', this.#onData)
  }

  /** Nothing more is read. */
  close(): void {
    clearInterval(this.#timer)
    this.#stream.off('data', this.#onData)
  }

  readonly #onData = (chunk: Uint8Array): void => {
    try {
      this.#take(chunk)
    } catch (error) {
      this.#refuse(error)
    }
  }

  #take(chunk: Uint8Array): void {
    const start = this.#receivedBytes
    this.#receivedBytes += chunk.byteLength
    if (start < PREFIX_BYTES) {
      this.#prefix.set(chunk.subarray(0, PREFIX_BYTES - start), start)
      if (this.#receivedBytes >= PREFIX_BYTES)
        this.#wholeBytes = PREFIX_BYTES + readPrefix(this.#prefix, this.#options)
    }
    if (this.#receivedBytes > this.#wholeBytes) throw secondMessage()
    if (this.#receivedBytes === this.#wholeBytes) clearInterval(this.#timer)
    if (!this.#options.memory.tryGrow(memoryOf(chunk.byteLength))) throw memoryExhausted('uploads')
  }

  readonly #tick = (): void => {
    const { minBytesPerSecond, minRateWindowSeconds } = this.#options.limits
    const tooSlow = this.#receivedBytes - this.#receivedAtTick < minBytesPerSecond * minRateWindowSeconds
    if (this.#window.end() && tooSlow) {
      const message = `The message came in more slowly than ${minBytesPerSecond} bytes per second.`
      this.#refuse(new GrpcError('DEADLINE_EXCEEDED', message))
    }
    this.#receivedAtTick = this.#receivedBytes
  }

  #refuse(error: unknown): void {
    this.close()
    this.#options.refuse(error)
  }
}
