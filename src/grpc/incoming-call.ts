import { randomUUID } from 'node:crypto'
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import {
  Metadata,
  type Responder,
  Server,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js'
import type { FairBudget } from '../core/limits/fair-budget.ts'
import { type Connections, streamOf } from './connections.ts'
import type { GrpcLimits } from './limits.ts'
import { RequestMessage } from './message.ts'
import type { GrpcCall, Method } from './method.ts'
import { GrpcError, grpcCodes } from './status.ts'
import type { Account, CallSpan, EndedCall, WatchCalls } from './watch-calls.ts'

export interface GrpcLogger {
  debug(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export interface CallContext extends WatchCalls {
  readonly limits: GrpcLimits
  /** What messages may hold, with all else that does. */
  readonly memory: FairBudget
  readonly logger: GrpcLogger
}

interface Status {
  readonly code: number
  readonly details: string
  readonly metadata?: Metadata
}

/** Ids that clients give their calls are returned if they have this form. */
export const PRINTABLE_ID = /^[\u0021-\u007e]{1,128}$/
const HTTP2_ENTRY_BYTES = 32
/** How long a client may send after its status. Some clients lose the status if their stream is reset at once. */
const LINGER_MS = 1000

/** The same for every call: an error is dear to make, and each call ends once. */
const CALL_IS_OVER = new GrpcError('CANCELLED', 'The call is over.')

/**
 * The library's server for these methods, by their paths. Calls are answered in front of its handlers, which only make the
 * methods known.
 */
export function libraryServer(
  methods: ReadonlyMap<string, Method>,
  connections: Connections,
  context: CallContext,
): Server {
  const interceptor: ServerInterceptor = ({ path }, call) => {
    connections.note(call)
    const incoming = new IncomingCall(call, methods.get(path) as Method, context)
    const start: Responder['start'] = (next) =>
      next({
        onReceiveMetadata: (metadata) => void incoming.run(metadata),
        onReceiveMessage: () => undefined,
        onReceiveHalfClose: () => undefined,
        onCancel: () => incoming.end(),
      })
    return new ServerInterceptingCall(call, { start })
  }
  const server = new Server({ ...libraryOptions(context.limits), interceptors: [interceptor] })
  const asIs = (bytes: Buffer) => bytes
  for (const path of methods.keys()) server.register(path, () => undefined, asIs, asIs, 'unary')
  return server
}

/** Options of the library: github.com/grpc/grpc-node, packages/grpc-js, README.md. */
function libraryOptions(limits: GrpcLimits) {
  return {
    'grpc.enable_channelz': 0,
    'grpc.max_concurrent_streams': limits.maxConcurrentStreams,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.max_connection_idle_ms': limits.idleMs,
  }
}

/**
 * One call, from its metadata to its status. Checks the metadata, the caller, the length of the message, the message. A call
 * that fails before its answer gets trailers only, because some clients see its code only then.
 */
class IncomingCall implements GrpcCall {
  readonly requestId = randomUUID()
  readonly httpVersion = '2'
  readonly #call: ServerInterceptingCallInterface
  readonly #stream: ServerHttp2Stream
  readonly #method: Method
  readonly #context: CallContext
  #onEnd: ((call: EndedCall) => void) | undefined
  #span: CallSpan | undefined
  readonly #startedAt = performance.now()
  readonly #abort = new AbortController()
  #metadata = new Metadata()
  #timer: NodeJS.Timeout | undefined
  /** Set while an answer is on its way to the system. */
  #stopWaiting: (() => void) | undefined
  /** Of the status that was sent. */
  #code: number | undefined
  #account: Account | undefined
  #receivedBytes = 0
  #sentBytes = 0

  constructor(call: ServerInterceptingCallInterface, method: Method, context: CallContext) {
    this.#call = call
    this.#stream = streamOf(call)
    this.#method = method
    this.#context = context
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

  get path(): string {
    return this.#method.path
  }

  /** Never rejects. */
  async run(metadata: Metadata): Promise<void> {
    this.#metadata = metadata
    this.#onEnd = this.#context.watch(this.path)
    this.#span = this.#context.trace?.(this)
    await (this.#span ? this.#span.run(() => this.#answer()) : this.#answer())
  }

  async #answer(): Promise<void> {
    const { maxMetadataBytes } = this.#context.limits
    try {
      if (sizeOf(this.#metadata) > maxMetadataBytes)
        throw new GrpcError('INVALID_ARGUMENT', `The metadata exceeds ${maxMetadataBytes} bytes.`)
      this.#expectEnd()
      const { answer, ...account } = await this.#method.admit(this)
      this.#account = account
      if (this.signal.aborted) return
      widenWindows(this.#stream, this.#context.limits)
      // The library's listener would gather the message.
      this.#stream.removeAllListeners('data')
      using memory = this.#context.memory.open(account.organizationId)
      const { limits } = this.#context
      const message = new RequestMessage(this.#stream, { ...limits, ...this.#method }, memory)
      for await (const answered of answer(message)) await this.#send(answered)
      this.#receivedBytes = message.receivedBytes
      this.#finish({ code: grpcCodes.OK, details: 'OK' })
    } catch (error) {
      this.#finish(this.#statusOf(error))
    }
  }

  #expectEnd(): void {
    this.#wait(this.#context.limits.deadlineMs - (performance.now() - this.#startedAt), () =>
      this.#finish(
        this.#statusOf(new GrpcError('DEADLINE_EXCEEDED', 'The call took longer than this server allows.')),
      ),
    )
  }

  /** Resolves when the system has the answer, or the call is over. */
  async #send(answer: Uint8Array): Promise<void> {
    if (this.signal.aborted || this.#code !== undefined) return
    const { minBytesPerSecond, minRateWindowSeconds, deadlineMs } = this.#context.limits
    // A client can delay an answer by the windows of HTTP/2 while it reads the connection, so each answer has a pace, too.
    const paceMs = (minRateWindowSeconds + answer.byteLength / minBytesPerSecond) * 1000
    this.#wait(Math.min(paceMs, deadlineMs), () => this.#stream.close(constants.NGHTTP2_CANCEL))
    if (!this.#stream.headersSent) this.#call.sendMetadata(answerMetadata())
    const { buffer, byteOffset, byteLength } = answer
    await new Promise<void>((resolve) => {
      this.#stopWaiting = resolve
      this.#call.sendMessage(Buffer.from(buffer, byteOffset, byteLength), resolve)
    })
    this.#sentBytes += byteLength
    if (!this.signal.aborted) this.#expectEnd()
  }

  #wait(ms: number, onTimeout: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(onTimeout, ms).unref()
  }

  #statusOf(error: unknown): Status {
    const failure =
      error instanceof GrpcError
        ? error.toFailure(this.requestId)
        : this.#method.toFailure(error, this.requestId)
    const { code, message, details, fault, shortage } = failure
    const { logger } = this.#context
    if (fault !== undefined) logger.error({ ...this.#facts(), err: fault, code }, 'call failed')
    if (shortage !== undefined)
      logger.warn({ ...this.#facts(), reason: shortage, code }, 'no room for a call')
    const metadata = new Metadata()
    if (details) metadata.set('grpc-status-details-bin', Buffer.from(details))
    return { code, details: message.toWellFormed(), metadata }
  }

  /** Sends the status, once. */
  #finish({ code, details, metadata = new Metadata() }: Status): void {
    if (this.#code !== undefined || this.signal.aborted) return
    this.#code = code
    metadata.set('x-request-id', this.requestId)
    metadata.set('x-server-trace-id', this.requestId)
    const given = this.header('x-client-request-id')
    if (given !== undefined && PRINTABLE_ID.test(given)) metadata.set('x-client-request-id', given)
    const ms = Math.round((performance.now() - this.#startedAt) * 10) / 10
    this.#context.logger.debug({ ...this.#facts(), code, ms }, 'answered')
    this.#call.sendStatus({ code, details, metadata })
  }

  #facts(): object {
    const { requestId, path } = this
    return { requestId, route: path, ...(this.#span ? { traceId: this.#span.traceId } : {}) }
  }

  /** The library calls this when the call is over, however it ended. */
  end(): void {
    clearTimeout(this.#timer)
    stopListening(this.#stream)
    this.#abort.abort(CALL_IS_OVER)
    this.#stopWaiting?.()
    // The library ends calls at the client's deadline.
    const isLate = Date.now() >= Number(this.#call.getDeadline())
    const code = this.#code ?? grpcCodes[isLate ? 'DEADLINE_EXCEEDED' : 'CANCELLED']
    const name = grpcCodes[code] ?? 'UNKNOWN'
    this.#span?.end(name)
    this.#onEnd?.({
      requestId: this.requestId,
      account: this.#account,
      code: name,
      seconds: (performance.now() - this.#startedAt) / 1000,
      receivedBytes: this.#receivedBytes,
      sentBytes: this.#sentBytes,
    })
  }
}

function answerMetadata(): Metadata {
  const metadata = new Metadata()
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

const widened = new WeakSet<object>()

/** Widens the windows of a connection, once, after its first admitted call. */
function widenWindows(
  stream: ServerHttp2Stream,
  { streamWindowBytes, connectionWindowBytes }: GrpcLimits,
): void {
  const session = stream.session as ServerHttp2Session | undefined
  if (session === undefined || session.destroyed || widened.has(session)) return
  widened.add(session)
  session.settings({ initialWindowSize: streamWindowBytes })
  session.setLocalWindowSize(connectionWindowBytes)
}

/** Ends a stream after its status. The library leaves that to the client. */
function stopListening(stream: ServerHttp2Stream): void {
  if (stream.closed || stream.readableEnded) return
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), LINGER_MS).unref()
  stream.once('close', () => clearTimeout(timer))
}
