import { Readable } from 'node:stream'
import { ServiceError } from '../core/errors.ts'
import { PaceWindow } from '../core/limits/pace-window.ts'
import { Handoff } from './body-handoff.ts'

export interface BodyLimits {
  readonly maxBytes: number
  /** Least average rate over a window; time in which we do not read does not count. 0 asks for none. */
  readonly minBytesPerSecond: number
  readonly minRateWindowSeconds: number
}

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
  readonly #limits: BodyLimits
  readonly #chunks = new Handoff<Uint8Array>()
  readonly #watchdog: NodeJS.Timeout
  readonly #window: PaceWindow
  #queuedBytes = 0
  #sizeAtTick = 0
  #heldSinceTick = false
  #isClosed = false
  /** Bytes that came in so far. */
  sizeBytes = 0

  /** Chunks of `source` must keep their content for good. */
  constructor(source: AsyncIterable<Uint8Array>, limits: BodyLimits) {
    this.#ours = !(source instanceof Readable)
    this.#stream = source instanceof Readable ? source : Readable.from(source)
    this.#limits = limits
    const windowMs = limits.minRateWindowSeconds * 1000
    this.#window = new PaceWindow(windowMs)
    this.#watchdog = setInterval(this.#tick, windowMs).unref()
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
    if (this.sizeBytes > this.#limits.maxBytes) {
      const message = `The body is larger than the limit of ${this.#limits.maxBytes} bytes.`
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
    const { minBytesPerSecond, minRateWindowSeconds } = this.#limits
    const tooSlow = this.sizeBytes - this.#sizeAtTick < minBytesPerSecond * minRateWindowSeconds
    if (this.#window.end() && tooSlow && !this.#heldSinceTick) {
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
