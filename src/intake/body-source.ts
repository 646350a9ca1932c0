import { Readable } from 'node:stream'
import { type ErrorCode, ServiceError } from '../core/errors.ts'
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
  /** Ends the body as if its client had broken off, or, if its reason is a ServiceError, for that. */
  readonly stop?: AbortSignal | undefined
}

/** What is asked of every client. */
const leastPace: Pace = { minBytesPerSecond: 1024, minRateWindowSeconds: 30 }

/** A window that ends so late says that the process stood still and heard nobody. A busy process is late, too, by less. */
const LATE_SHARE = 0.2
const LATE_MS = 250

/** Read ahead before the source is held; many tiny chunks may come at once. */
const QUEUE_BYTES = 64 * 1024

/** How a stream says that its peer went away. */
const BROKEN_OFF = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'])

/** What takes the chunks of a body. One of `end` and `fail` is called, once. */
export interface ChunkSink {
  /** Takes the chunk in any case. @returns whether the next may come at once; if not, whoever holds the sink calls `resume` */
  write(chunk: Uint8Array): boolean
  /** Nothing more comes. */
  end(): void
  fail(error: Error): void
}

/** What gives chunks, one after the other, unless it is held. */
interface Giver {
  start(): void
  hold(): void
  resume(): void
  /** No chunk comes afterwards. */
  close(): void
}

/** The chunks of one body, counted, capped and timed on their way to a sink. */
export class BodySource {
  readonly #limits: BodyLimits
  readonly #pace: Pace
  readonly #sink: ChunkSink
  readonly #giver: Giver
  readonly #watchdog: NodeJS.Timeout
  readonly #windowMs: number
  #windowBegan = performance.now()
  #sizeAtTick = 0
  #isHeld = false
  #heldSinceTick = false
  #isOver = false
  /** Bytes that came so far. */
  sizeBytes = 0
  /** Why a body that keeps what came ended early. */
  brokenBy: Error | undefined

  /** Chunks of `source` must keep their content for good. The first comes later; the end may come at once. */
  constructor(source: AsyncIterable<Uint8Array>, limits: BodyLimits, sink: ChunkSink) {
    this.#limits = limits
    this.#sink = sink
    this.#pace = limits.pace ?? leastPace
    this.#windowMs = this.#pace.minRateWindowSeconds * 1000
    this.#watchdog = setInterval(this.#tick, this.#windowMs).unref()
    const { stop } = limits
    stop?.addEventListener('abort', this.#onStop)
    const taker = { take: this.#take, end: this.#end, fail: this.#fail }
    this.#giver =
      source instanceof Readable ? new StreamGiver(source, taker) : new IterableGiver(source, taker)
    this.#giver.start()
    if (stop?.aborted) this.#onStop()
  }

  /** Undoes that a write returned false. */
  resume(): void {
    if (!this.#isHeld || this.#isOver) return
    this.#isHeld = false
    this.#giver.resume()
  }

  /** Stops reading, without a word to the sink. Safe to call twice. */
  close(): void {
    this.#isOver = true
    clearInterval(this.#watchdog)
    this.#limits.stop?.removeEventListener('abort', this.#onStop)
    this.#giver.close()
  }

  readonly #take = (chunk: Uint8Array): void => {
    if (this.#isOver) return
    this.sizeBytes += chunk.byteLength
    const { maxBytes } = this.#limits
    if (this.sizeBytes > maxBytes) {
      const message = `The body is larger than the limit of ${maxBytes} bytes.`
      this.#fail(new ServiceError('bytes-too-many', message))
    } else if (!this.#sink.write(chunk) && !this.#isHeld) {
      this.#isHeld = true
      this.#heldSinceTick = true
      this.#giver.hold()
    }
  }

  readonly #end = (): void => {
    if (this.#isOver) return
    this.close()
    this.#sink.end()
  }

  readonly #fail = (error: Error): void => {
    if (this.#isOver) return
    const isKept = this.#limits.keepsWhatCame === true && isBreak(error)
    if (isKept) this.brokenBy = error
    this.close()
    if (isKept) this.#sink.end()
    else this.#sink.fail(error)
  }

  readonly #onStop = (): void => this.#fail(incomplete(this.#limits.stop?.reason))

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
    this.#heldSinceTick = this.#isHeld
  }
}

const BREAKS: ReadonlySet<ErrorCode> = new Set(['body-incomplete', 'body-too-slow', 'server-stopping'])

/** Whether the body ended early, and what came of it is sound. */
function isBreak(error: Error): boolean {
  return error instanceof ServiceError && BREAKS.has(error.code)
}

function incomplete(cause: unknown): ServiceError {
  if (cause instanceof ServiceError) return cause
  return new ServiceError('body-incomplete', 'The body broke off before its end.', { cause })
}

function failureOf(error: unknown): Error {
  const failure = error instanceof Error ? error : new Error(String(error))
  const code = 'code' in failure ? String(failure.code) : ''
  return BROKEN_OFF.has(code) ? incomplete(failure) : failure
}

interface Taker {
  take(chunk: Uint8Array): void
  end(): void
  fail(error: Error): void
}

/** A stream is never destroyed here, only paused: an answer may still go out on its socket. */
class StreamGiver implements Giver {
  readonly #stream: Readable
  readonly #taker: Taker

  constructor(stream: Readable, taker: Taker) {
    this.#stream = stream
    this.#taker = taker
  }

  start(): void {
    const stream = this.#stream
    // This listener stays: a stream that breaks later must not take the process down.
    stream.on('error', this.#onError)
    stream.on('end', this.#taker.end).on('close', this.#onClose).on('data', this.#taker.take)
    if (stream.readableEnded) this.#taker.end()
    else if (stream.destroyed) this.#onClose()
    else stream.resume()
  }

  hold(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  close(): void {
    const stream = this.#stream
    stream.off('data', this.#taker.take).off('end', this.#taker.end).off('close', this.#onClose)
    if (!stream.readableEnded) stream.pause()
  }

  readonly #onError = (error: Error): void => this.#break(failureOf(error))

  readonly #onClose = (): void => {
    // An error is dear to make, and after the end nobody asks for it.
    if (!this.#stream.readableEnded) this.#break(incomplete(this.#stream.errored))
  }

  #break(error: Error): void {
    const stream = this.#stream.off('data', this.#taker.take)
    // A stream that broke while it was held has bytes that came. It tells nobody of them any more.
    for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) this.#taker.take(chunk)
    this.#taker.fail(error)
  }
}

class IterableGiver implements Giver {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #taker: Taker
  #held: PromiseWithResolvers<void> | undefined
  #isClosed = false

  constructor(source: AsyncIterable<Uint8Array>, taker: Taker) {
    this.#chunks = source[Symbol.asyncIterator]()
    this.#taker = taker
  }

  start(): void {
    void this.#give()
  }

  hold(): void {
    this.#held = Promise.withResolvers()
  }

  resume(): void {
    this.#held?.resolve()
    this.#held = undefined
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.resume()
    // A generator that waits returns only after that, perhaps never; a failure to clean up must not replace the outcome.
    this.#chunks.return?.().catch(() => undefined)
  }

  async #give(): Promise<void> {
    try {
      while (!this.#isClosed) {
        const { done, value } = await this.#chunks.next()
        if (done) return this.#taker.end()
        this.#taker.take(value)
        await this.#held?.promise
      }
    } catch (error) {
      this.#taker.fail(failureOf(error))
    }
  }
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
  const chunks = new Handoff<Uint8Array>()
  let queuedBytes = 0
  const limits = { maxBytes: Number.POSITIVE_INFINITY, ...(pace ? { pace } : {}) }
  const body = new BodySource(source, limits, {
    write(chunk) {
      if (!chunks.wanted) queuedBytes += chunk.byteLength
      chunks.put(chunk)
      return queuedBytes < QUEUE_BYTES
    },
    end: () => chunks.end(),
    fail: (error) => chunks.fail(error),
  })
  try {
    for (let chunk = await chunks.take(); chunk !== undefined; chunk = await chunks.take()) {
      if (chunks.isEmpty) {
        queuedBytes = 0
        body.resume()
      }
      yield chunk
    }
  } finally {
    body.close()
  }
}
