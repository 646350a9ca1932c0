import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { ServiceError } from '../core/errors.ts'
import type { Digests, IncomingBody } from '../core/incoming-body.ts'
import type { Holding } from '../core/limits/fair-budget.ts'
import { crc32c, hexOfCrc } from './crc32c.ts'
import type { DigestAlgorithm, FurtherDigests, HexDigests } from './digests.ts'
import { type ChunkMemory, Handoff, SlabPipe } from './slabs.ts'

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

/** Read ahead before the stream is paused; many tiny chunks may come at once. */
const QUEUE_BYTES = 64 * 1024

/** How a stream says that its peer went away. */
const BROKEN_OFF = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'])

/**
 * The raw chunks of one body, counted, capped and timed. A stream is never destroyed here, only paused: an answer
 * may still go out on its socket.
 */
class BodySource {
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

/** Computed beside SHA-256. */
export interface WantedDigests {
  readonly md5: boolean
  readonly further?: FurtherDigests
  /** Looks at all that were computed; if it throws, the iteration throws that at its end. */
  readonly check?: (digests: HexDigests) => void
}

/** Smaller bodies are hashed where they are: a worker's answer would take longer, and 64 KiB block for 0.2 ms. */
const SMALL_BODY_BYTES = 64 * 1024

/**
 * Bytes of a request, or of a part of one, on their way in. Reading starts with the iteration. After a failure the
 * rest of the request is left unread, its socket open: the caller answers, then closes the connection.
 * Large bodies take 256 KiB here, whatever their size, and up to 1 MiB as far as `charged` can grow; it is released at the end.
 */
export function receiveBody(
  source: AsyncIterable<Uint8Array>,
  limits: BodyLimits,
  { md5, further: others = [], check }: WantedDigests,
  memory: ChunkMemory = 'kept',
  charged?: Holding,
): IncomingBody {
  const further = md5 && !others.includes('md5') ? [...others, 'md5' as const] : others
  let known: Digests | undefined
  const settle = (sizeBytes: number, digests: HexDigests) => {
    check?.(digests)
    known = { sizeBytes, sha256: digests.sha256, md5: digests.md5 ?? null }
  }
  async function* pass(chunks: BodySource): AsyncGenerator<Uint8Array, void> {
    try {
      const { bytes, isWhole } = await readHead(chunks)
      if (isWhole) {
        settle(bytes.byteLength, digestsOf(bytes, further))
        if (bytes.byteLength > 0) yield bytes
        return
      }
      const digests = yield* new SlabPipe(chunks, further, memory, charged).pour(bytes)
      settle(chunks.sizeBytes, digests)
    } finally {
      chunks.close()
    }
  }
  return {
    digests: () => {
      if (known === undefined) throw new Error('the body has not passed yet')
      return known
    },
    [Symbol.asyncIterator]: () => {
      const chunks = new BodySource(source, limits)
      const passing = pass(chunks)
      return {
        next: () => passing.next(),
        // A generator that waits cannot be told to stop; closing its source ends the wait.
        return: () => {
          chunks.close()
          return passing.return()
        },
      }
    },
  }
}

/** The first bytes: all of a small body, or more than a small body has. */
async function readHead(source: BodySource): Promise<{ bytes: Uint8Array; isWhole: boolean }> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  let chunk: Uint8Array | undefined
  while (sizeBytes <= SMALL_BODY_BYTES) {
    chunk = await source.next()
    if (chunk === undefined) break
    chunks.push(chunk)
    sizeBytes += chunk.byteLength
  }
  const [first] = chunks
  const bytes = first && chunks.length === 1 ? first : Buffer.concat(chunks)
  return { bytes, isWhole: chunk === undefined }
}

function digestsOf(bytes: Uint8Array, further: FurtherDigests): HexDigests {
  const others = further.map((algorithm) => [algorithm, hexDigest(algorithm, bytes)])
  return { sha256: hexDigest('sha256', bytes), ...Object.fromEntries(others) }
}

function hexDigest(algorithm: DigestAlgorithm, bytes: Uint8Array): string {
  if (algorithm === 'crc32') return hexOfCrc(crc32(bytes))
  if (algorithm === 'crc32c') return hexOfCrc(crc32c(bytes))
  return hash(algorithm, bytes, 'hex')
}
