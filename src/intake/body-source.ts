import { Readable } from 'node:stream'
import { ServiceError } from '../core/errors.ts'

/** A body that is slower than this, averaged over the window, is cut off. Time in which we do not read does not count. */
export interface Pace {
  readonly minBytesPerSecond: number
  readonly minRateWindowSeconds: number
}

export interface BodyLimits {
  readonly maxBytes: number
  /** Default: `leastPace`. */
  readonly pace?: Pace
}

/** What is asked of every client. */
const leastPace: Pace = { minBytesPerSecond: 1024, minRateWindowSeconds: 30 }

/** A window that ends so late says that the process stood still and heard nobody. A busy process is late, too, by less. */
const LATE_SHARE = 0.2
const LATE_MS = 250

const nothing = Buffer.alloc(0)

/** Read ahead before the stream is paused; many tiny chunks may come at once. */
const QUEUE_BYTES = 64 * 1024

/** How a stream says that its peer went away. */
const BROKEN_OFF = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'])

/**
 * The raw chunks of one body, counted, capped and timed. A stream is never destroyed here, only paused: an answer
 * may still go out on its socket.
 */
export class BodySource {
  readonly #stream: Readable
  readonly #ours: boolean
  readonly #maxBytes: number
  readonly #pace: Pace
  readonly #chunks = new Handoff<Uint8Array>()
  readonly #watchdog: NodeJS.Timeout
  readonly #windowMs: number
  #windowBegan = performance.now()
  #queuedBytes = 0
  #sizeAtTick = 0
  #heldSinceTick = false
  #isClosed = false
  /** Bytes that came in so far. */
  sizeBytes = 0

  /** Chunks of `source` must keep their content for good. */
  constructor(source: AsyncIterable<Uint8Array>, { maxBytes, pace = leastPace }: BodyLimits) {
    this.#ours = !(source instanceof Readable)
    this.#stream = source instanceof Readable ? source : Readable.from(source)
    this.#maxBytes = maxBytes
    this.#pace = pace
    this.#windowMs = pace.minRateWindowSeconds * 1000
    this.#watchdog = setInterval(this.#tick, this.#windowMs).unref()
    this.#listen()
  }

  #listen(): void {
    const stream = this.#stream
    if (stream.readableEnded) this.#onEnd()
    else if (stream.destroyed) this.#onClose()
    stream.on('end', this.#onEnd)
    stream.on('error', this.#onError)
    stream.on('close', this.#onClose)
    stream.on('data', this.#onData)
    stream.resume()
  }

  /** The next chunk, or undefined after the last. One call at a time. */
  async next(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.take()
    if (this.#chunks.isEmpty && this.#queuedBytes > 0) {
      this.#queuedBytes = 0
      this.#stream.resume()
    }
    return chunk
  }

  /** Stops reading. Safe to call twice; a waiting `next` then sees the end. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#watchdog)
    this.#stream.off('data', this.#onData)
    this.#chunks.end()
    // The error listener stays: a stream that breaks later must not take the process down.
    if (this.#ours) this.#stream.destroy()
    else if (!this.#stream.readableEnded) this.#stream.pause()
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.sizeBytes += chunk.byteLength
    if (this.sizeBytes > this.#maxBytes) {
      const message = `The body is larger than the limit of ${this.#maxBytes} bytes.`
      this.#fail(new ServiceError('bytes-too-many', message))
      return
    }
    if (!this.#chunks.wanted) this.#queuedBytes += chunk.byteLength
    this.#chunks.put(chunk)
    if (this.#queuedBytes < QUEUE_BYTES) return
    this.#heldSinceTick = true
    this.#stream.pause()
  }

  readonly #tick = (): void => {
    const { minBytesPerSecond, minRateWindowSeconds } = this.#pace
    const tooSlow = this.sizeBytes - this.#sizeAtTick < minBytesPerSecond * minRateWindowSeconds
    const now = performance.now()
    const lateMs = now - this.#windowBegan - this.#windowMs
    this.#windowBegan = now
    const stoodStill = lateMs > Math.max(LATE_MS, this.#windowMs * LATE_SHARE)
    if (tooSlow && !stoodStill && !this.#heldSinceTick) {
      const message = `The body came in more slowly than ${minBytesPerSecond} bytes per second.`
      this.#fail(new ServiceError('body-too-slow', message))
    }
    this.#sizeAtTick = this.sizeBytes
    this.#heldSinceTick = this.#stream.isPaused()
  }

  readonly #onEnd = (): void => {
    clearInterval(this.#watchdog)
    this.#chunks.end()
  }

  readonly #onError = (error: Error): void => {
    const code = 'code' in error ? String(error.code) : ''
    this.#fail(BROKEN_OFF.has(code) ? incomplete(error) : error)
  }

  readonly #onClose = (): void => {
    // An error is dear to make, and after the end nobody asks for it.
    if (!this.#stream.readableEnded && !this.#isClosed) this.#fail(incomplete(this.#stream.errored))
  }

  #fail(error: Error): void {
    this.#chunks.fail(error)
    this.close()
  }
}

function incomplete(cause: unknown): ServiceError {
  return new ServiceError('body-incomplete', 'The body broke off before its end.', { cause })
}

/**
 * The chunks of a request's body for somebody who parses them. The request is not destroyed when the
 * parser stops early: an answer may still go out on its socket.
 * @throws ServiceError `body-too-slow`, `body-incomplete`, while iterating
 */
export async function* pacedBody(
  source: AsyncIterable<Uint8Array>,
  pace?: Pace,
): AsyncGenerator<Uint8Array, void> {
  const limits = { maxBytes: Number.POSITIVE_INFINITY, ...(pace ? { pace } : {}) }
  const chunks = new BodySource(source, limits)
  try {
    for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) yield chunk
  } finally {
    chunks.close()
  }
}

/** The chunks of a body for a parser, which takes of each as much as it needs. */
export class ChunkSource {
  readonly #source: AsyncIterator<Uint8Array>
  #ended = false
  #isPulling = false
  #window: Buffer = nothing

  /** Nothing is read before the first call. */
  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Bytes that are not taken yet. */
  get window(): Buffer {
    return this.#window
  }

  take(sizeBytes: number): Buffer {
    const taken = this.#window.subarray(0, sizeBytes)
    this.#window = this.#window.subarray(sizeBytes)
    return taken
  }

  /** Waits until the window has a byte; false at the end of the body. One call at a time. */
  async fill(): Promise<boolean> {
    while (this.#window.length === 0) {
      const chunk = await this.#pull()
      if (chunk === undefined) return false
      this.#window = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    }
    return true
  }

  /** Closes the source. Never throws. */
  async close(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    try {
      const closed = this.#source.return?.()
      // A generator that waits for its next chunk closes only after that, perhaps never.
      if (this.#isPulling) closed?.catch(() => undefined)
      else await closed
    } catch {
      // A failure to clean up must not replace the outcome.
    }
  }

  async #pull(): Promise<Uint8Array | undefined> {
    if (this.#ended) return undefined
    this.#isPulling = true
    try {
      const { done, value } = await this.#source.next()
      if (!done) return value
      this.#ended = true
    } catch (error) {
      this.#ended = true
      throw error
    } finally {
      this.#isPulling = false
    }
    return undefined
  }
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
