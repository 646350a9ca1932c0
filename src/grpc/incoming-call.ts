import { randomUUID } from 'node:crypto'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { Metadata, type Responder, type ServerInterceptingCallInterface } from '@grpc/grpc-js'
import type { FairBudget, Holding } from '../core/limits/fair-budget.ts'
import { plumbingFailure } from './error-details.ts'
import type { GrpcLimits } from './limits.ts'
import { MessageWatch, memoryExhausted, memoryOf } from './message-watch.ts'
import type { Admission, GrpcCall, Method } from './method.ts'
import { GrpcError } from './status.ts'
import { stopListening, streamOf, widenWindows } from './stream-of.ts'

export interface GrpcLogger {
  debug(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export interface CallContext {
  readonly limits: GrpcLimits
  /** What messages may hold, with all else that does. */
  readonly memory: FairBudget
  readonly logger: GrpcLogger
}

/** How a call ends. */
export interface CallStatus {
  readonly code: number
  readonly details: string
  readonly metadata: Metadata
}

/** The same in the library's words; it does not export the name. */
type LibraryStatus = Parameters<ServerInterceptingCallInterface['sendStatus']>[0]

/** What is told back of an id that a client gives its own call. */
export const PRINTABLE_ID = /^[\u0021-\u007e]{1,128}$/
const HTTP2_ENTRY_BYTES = 32

/**
 * One call, from its metadata to its status. Judged in this order: metadata, whoever calls, the length of the message, the
 * message. A call that fails before its answer has trailers alone: some clients see its code only then.
 */
export class IncomingCall<Answer> implements GrpcCall {
  readonly requestId = randomUUID()
  readonly httpVersion = '2'
  readonly #call: ServerInterceptingCallInterface
  readonly #method: Method<Answer>
  readonly #context: CallContext
  readonly #startedAt = performance.now()
  readonly #abort = new AbortController()
  #metadata = new Metadata()
  #admission: Admission<Answer> | undefined
  #watch: MessageWatch | undefined
  #timer: NodeJS.Timeout | undefined
  #isAnswering = false
  #isOver = false
  #memory: Holding | undefined
  /** Reads the message in place of the library. */
  readonly #onStream: ((stream: ServerHttp2Stream) => void) | undefined

  constructor(
    call: ServerInterceptingCallInterface,
    method: Method<Answer>,
    context: CallContext,
    onStream?: (call: IncomingCall<Answer>, stream: ServerHttp2Stream) => void,
  ) {
    this.#call = call
    this.#method = method
    this.#context = context
    this.#onStream = onStream && ((stream) => onStream(this, stream))
  }

  get authority(): string {
    return this.#call.getHost() ?? ''
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  headerNames(): readonly string[] {
    return Object.keys(this.#metadata.getMap())
  }

  header(name: string): string | undefined {
    const values = this.#metadata.get(name)
    return values.length === 1 && typeof values[0] === 'string' ? values[0] : undefined
  }

  /** What happens at each step of the call. `onMetadata` learns which object the library will show the handler. */
  responder(onMetadata: (metadata: Metadata) => void): Responder {
    return {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, proceed) => {
            onMetadata(metadata)
            void this.#admit(metadata, () => proceed(metadata))
          },
          onReceiveMessage: (message, proceed) => proceed(message),
          onReceiveHalfClose: (proceed) => proceed(),
          onCancel: () => this.#end(),
        }),
      sendMetadata: (metadata, next) => next(answerMetadata(metadata)),
      sendStatus: (status, next) => next(this.#withIds(status)),
    }
  }

  async #admit(metadata: Metadata, proceed: () => void): Promise<void> {
    const { maxMetadataBytes, deadlineMs } = this.#context.limits
    this.#metadata = metadata
    try {
      if (sizeOf(metadata) > maxMetadataBytes)
        throw new GrpcError('INVALID_ARGUMENT', `The metadata exceeds ${maxMetadataBytes} bytes.`)
      this.#timer = setTimeout(() => this.#expire(), deadlineMs).unref()
      const admission = await this.#method.admit(this)
      if (this.#isOver) return
      this.#admission = admission
      const stream = streamOf(this.#call)
      if (stream) widenWindows(stream, this.#context.limits)
      if (stream && this.#onStream) return this.#onStream(stream)
      this.#expectMessage(admission, stream)
      proceed()
    } catch (error) {
      this.#refuse(error)
    }
  }

  #expectMessage({ organizationId }: Admission<Answer>, stream: ServerHttp2Stream | undefined): void {
    const { limits } = this.#context
    const { maxMessageBytes, tooLong } = this.#method
    const memory = this.#context.memory.open(organizationId)
    this.#memory = memory
    if (stream !== undefined) {
      const refuse = (error: unknown) => this.#refuse(error)
      this.#watch = new MessageWatch(stream, { limits, maxMessageBytes, tooLong, memory, refuse })
    } else if (!memory.tryGrow(memoryOf(maxMessageBytes))) throw memoryExhausted('calls')
  }

  /** Answers in place of the library's handler. */
  async answer(work: (answer: Answer) => Promise<Uint8Array>): Promise<void> {
    const answer = await this.run(work)
    if (this.#isOver) return
    if (answer instanceof CallFailure) {
      this.#call.sendStatus(this.#withIds(answer.status))
      return
    }
    this.#call.sendMetadata(answerMetadata(new Metadata()))
    this.#call.sendMessage(Buffer.from(answer), () =>
      this.#call.sendStatus(this.#withIds({ code: 0, details: 'OK' })),
    )
  }

  /** Runs once the message is there. Resolves to the status of a failure instead of rejecting. */
  async run<T>(work: (answer: Answer) => Promise<T>): Promise<T | CallFailure> {
    this.#isAnswering = true
    try {
      if (this.#admission === undefined) throw new Error('a call that was not admitted')
      const answer = await work(this.#admission.answer)
      if (answer instanceof Uint8Array) this.#expectReading(answer.byteLength)
      return answer
    } catch (error) {
      return new CallFailure(this.#statusOf(error))
    } finally {
      this.#isAnswering = false
      if (this.#isOver) this.#release()
    }
  }

  #refuse(error: unknown): void {
    this.#call.sendStatus(this.#withIds(this.#statusOf(error)))
  }

  #expire(): void {
    this.#refuse(new GrpcError('DEADLINE_EXCEEDED', 'The call took longer than this server allows.'))
  }

  /** A peer may hold back an answer by the windows of HTTP/2 while it reads its connection: it has to keep the pace here, too. */
  #expectReading(answerBytes: number): void {
    if (this.#isOver) return
    const { minBytesPerSecond, minRateWindowSeconds, deadlineMs } = this.#context.limits
    const paceMs = (minRateWindowSeconds + answerBytes / minBytesPerSecond) * 1000
    clearTimeout(this.#timer)
    const cut = () => streamOf(this.#call)?.close(constants.NGHTTP2_CANCEL)
    this.#timer = setTimeout(cut, Math.min(paceMs, deadlineMs)).unref()
  }

  #statusOf(error: unknown): CallStatus {
    const failure =
      error instanceof GrpcError
        ? plumbingFailure(error, this.requestId)
        : this.#method.toFailure(error, this.requestId)
    const { code, message, details, fault, shortage } = failure
    if (fault !== undefined) this.#context.logger.error({ ...this.#facts(), err: fault, code }, 'call failed')
    if (shortage !== undefined)
      this.#context.logger.warn({ ...this.#facts(), reason: shortage, code }, 'no room for a call')
    const metadata = new Metadata()
    if (details) metadata.set('grpc-status-details-bin', Buffer.from(details))
    return { code: Number(code), details: message.toWellFormed(), metadata }
  }

  #withIds(status: LibraryStatus): LibraryStatus {
    const metadata = status.metadata ?? new Metadata()
    metadata.set('x-request-id', this.requestId)
    metadata.set('x-server-trace-id', this.requestId)
    const given = this.header('x-client-request-id')
    if (given !== undefined && PRINTABLE_ID.test(given)) metadata.set('x-client-request-id', given)
    const ms = Math.round((performance.now() - this.#startedAt) * 10) / 10
    this.#context.logger.debug({ ...this.#facts(), code: status.code, ms }, 'answered')
    return { ...status, metadata }
  }

  #facts(): object {
    return { requestId: this.requestId, route: this.#method.path }
  }

  /** However a call ends, this comes once it is over. */
  #end(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#watch?.close()
    stopListening(this.#call)
    this.#abort.abort(new GrpcError('CANCELLED', 'The call is over.'))
    // An answer in the making still holds the message.
    if (!this.#isAnswering) this.#release()
  }

  #release(): void {
    this.#memory?.release()
  }
}

/** Instead of an answer. */
export class CallFailure {
  readonly status: CallStatus

  constructor(status: CallStatus) {
    this.status = status
  }
}

function answerMetadata(metadata: Metadata): Metadata {
  metadata.set('grpc-accept-encoding', 'identity')
  return metadata
}

function sizeOf(metadata: Metadata): number {
  let bytes = 0
  for (const [name, values = []] of Object.entries(metadata.toHttp2Headers())) {
    const texts = Array.isArray(values) ? values : [String(values)]
    for (const text of texts) bytes += name.length + text.length + HTTP2_ENTRY_BYTES
  }
  return bytes
}
