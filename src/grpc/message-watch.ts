import type { ServerHttp2Stream } from 'node:http2'
import type { ByteBudget } from './byte-budget.ts'
import type { GrpcLimits } from './limits.ts'
import { GrpcError } from './status.ts'

/** A flag that tells whether the message is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const PREFIX_BYTES = 5
/** The library keeps the pieces of a message beside the whole for as long as the call lasts. */
const COPIES = 2

/** What a message takes of the budget. */
export function memoryOf(messageBytes: number): number {
  return messageBytes * COPIES
}

export interface WatchOptions {
  readonly limits: Pick<GrpcLimits, 'minBytesPerSecond' | 'minRateWindowSeconds'>
  readonly maxMessageBytes: number
  /** What a longer message is refused with. */
  readonly tooLong?: ((lengthBytes: number) => unknown) | undefined
  readonly budget: ByteBudget
  /** Called once at most; the call must end with it. */
  readonly refuse: (error: unknown) => void
}

/**
 * Looks at the bytes of a request on their way to the library, which gathers whole messages: one that is compressed, too
 * long, one too many or for which there is no room now is refused by its first five bytes, and one that crawls is cut off.
 */
export class MessageWatch {
  readonly #stream: ServerHttp2Stream
  readonly #options: WatchOptions
  readonly #prefix = Buffer.alloc(PREFIX_BYTES)
  readonly #timer: NodeJS.Timeout
  #receivedBytes = 0
  #receivedAtTick = 0
  #wholeBytes = Number.POSITIVE_INFINITY
  #takenBytes = 0
  #isRefused = false

  constructor(stream: ServerHttp2Stream, options: WatchOptions) {
    this.#stream = stream
    this.#options = options
    this.#timer = setInterval(this.#tick, options.limits.minRateWindowSeconds * 1000).unref()
    // Before the library's own listener, so that what is refused never gets there.
    stream.prependListener('data', this.#onData)
  }

  /** Nothing more is read. What was taken of the budget stays taken until `release`. */
  close(): void {
    clearInterval(this.#timer)
    this.#stream.off('data', this.#onData)
  }

  release(): void {
    this.close()
    this.#options.budget.give(this.#takenBytes)
    this.#takenBytes = 0
  }

  readonly #onData = (chunk: Uint8Array): void => {
    const start = this.#receivedBytes
    this.#receivedBytes += chunk.byteLength
    if (start < PREFIX_BYTES) {
      this.#prefix.set(chunk.subarray(0, PREFIX_BYTES - start), start)
      if (this.#receivedBytes >= PREFIX_BYTES) this.#judge()
    }
    if (this.#isRefused) return
    if (this.#receivedBytes > this.#wholeBytes) {
      this.#refuse(new GrpcError('INVALID_ARGUMENT', 'There is more than one message.'))
    } else if (this.#receivedBytes === this.#wholeBytes) clearInterval(this.#timer)
  }

  #judge(): void {
    const { maxMessageBytes, tooLong = tooLongFor(maxMessageBytes), budget } = this.#options
    const length = this.#prefix.readUInt32BE(1)
    this.#wholeBytes = PREFIX_BYTES + length
    if (this.#prefix[0] !== 0) {
      this.#refuse(new GrpcError('UNIMPLEMENTED', 'Compressed messages are not accepted.'))
    } else if (length > maxMessageBytes) {
      this.#refuse(tooLong(length))
    } else if (budget.take(memoryOf(length))) this.#takenBytes = memoryOf(length)
    else
      this.#refuse(new GrpcError('RESOURCE_EXHAUSTED', 'Too many uploads at this moment; try again later.'))
  }

  readonly #tick = (): void => {
    const { minBytesPerSecond, minRateWindowSeconds } = this.#options.limits
    if (this.#receivedBytes - this.#receivedAtTick < minBytesPerSecond * minRateWindowSeconds) {
      const message = `The message came in more slowly than ${minBytesPerSecond} bytes per second.`
      this.#refuse(new GrpcError('DEADLINE_EXCEEDED', message))
    }
    this.#receivedAtTick = this.#receivedBytes
  }

  #refuse(error: unknown): void {
    this.#isRefused = true
    this.close()
    this.#options.refuse(error)
  }
}

function tooLongFor(maxBytes: number): (lengthBytes: number) => GrpcError {
  return (lengthBytes) =>
    new GrpcError('INVALID_ARGUMENT', `The message has ${lengthBytes} bytes, the maximum is ${maxBytes}.`)
}
