import { Readable } from 'node:stream'
import { ServiceError } from '../core/errors.ts'
import { Handoff } from './handoff.ts'

/** A body that is slower than this, averaged over the window, is cut off. Time in which we do not read does not count. */
export interface Pace {
  readonly minBytesPerSecond: number
  readonly minRateWindowSeconds: number
}

export interface BodyLimits {
  readonly maxBytes: number
  /** Default: `leastPace`. */
  readonly pace?: Pace
  /** A body that breaks off, or is too slow, then ends normally with what came. Default: it throws. */
  readonly keepsWhatCame?: boolean
  /** Ends the body as if its client had broken off. */
  readonly stop?: AbortSignal | undefined
}

/** What is asked of every client. */
const leastPace: Pace = { minBytesPerSecond: 1024, minRateWindowSeconds: 30 }

/** A window that ends so late says that the process stood still and heard nobody. A busy process is late, too, by less. */
const LATE_SHARE = 0.2
const LATE_MS = 250

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
  readonly #keepsWhatCame: boolean
  readonly #stop: AbortSignal | undefined
  readonly #chunks = new Handoff<Uint8Array>()
  readonly #watchdog: NodeJS.Timeout
  readonly #windowMs: number
  #windowBegan = performance.now()
  #queuedBytes = 0
  #sizeAtTick = 0
  #heldSinceTick = false
  #hasEnded = false
  #isClosed = false
  /** Bytes that came so far. */
  sizeBytes = 0
  /** Why a body that keeps what came ended early. */
  brokenBy: Error | undefined

  /** Chunks of `source` must keep their content for good. */
  constructor(source: AsyncIterable<Uint8Array>, limits: BodyLimits) {
    const { maxBytes, pace = leastPace, keepsWhatCame = false, stop } = limits
    this.#ours = !(source instanceof Readable)
    this.#stream = source instanceof Readable ? source : Readable.from(source)
    this.#maxBytes = maxBytes
    this.#pace = pace
    this.#keepsWhatCame = keepsWhatCame
    this.#stop = stop
    this.#windowMs = pace.minRateWindowSeconds * 1000
    this.#watchdog = setInterval(this.#tick, this.#windowMs).unref()
    stop?.addEventListener('abort', this.#onStop)
    this.#listen()
    if (stop?.aborted) this.#onStop()
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
      if (!this.#isClosed) this.#stream.resume()
    }
    return chunk
  }

  /** Stops reading. Safe to call twice; a waiting `next` then sees the end. */
  close(): void {
    this.#isClosed = true
    this.#disarm()
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
    this.#hasEnded = true
    this.#disarm()
    this.#chunks.end()
  }

  readonly #onStop = (): void => this.#fail(incomplete(this.#stop?.reason))

  /** Nothing ends the body early any more. */
  #disarm(): void {
    clearInterval(this.#watchdog)
    this.#stop?.removeEventListener('abort', this.#onStop)
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
    if (this.#keepsWhatCame && isBreak(error)) this.#breakOff(error)
    else this.#chunks.fail(error)
    this.close()
  }

  #breakOff(error: Error): void {
    if (this.#hasEnded || this.#isClosed) return
    const stream = this.#stream
    stream.off('data', this.#onData)
    // A stream that broke while it was paused holds bytes that came.
    if (stream.destroyed)
      for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) this.#onData(chunk)
    this.brokenBy = error
  }
}

/** Whether it is the client that ended the body early. */
function isBreak(error: Error): boolean {
  return error instanceof ServiceError && (error.code === 'body-incomplete' || error.code === 'body-too-slow')
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
