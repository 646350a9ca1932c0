import type { ServerHttp2Stream } from 'node:http2'
import type { BlockList, Socket } from 'node:net'
import { createServer, type Server as NetServer } from 'node:net'
import { Readable } from 'node:stream'
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls'
import {
  logVerbosity,
  type Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  setLogVerbosity,
} from '@grpc/grpc-js'
import { BlamedPeers } from '../net/blamed-peers.ts'
import { divertConnections } from '../net/first-bytes.ts'
import { listeningAt } from '../net/listening.ts'
import { cutSlowReaders } from '../net/reader-pace.ts'
import { refuseGrpc, refuseHttp1 } from '../net/refuse-http.ts'
import { healthMethods } from './health.ts'
import { type CallContext, CallFailure, IncomingCall } from './incoming-call.ts'
import type { GrpcLimits } from './limits.ts'
import { unframed } from './message-stream.ts'
import type { Method, StreamedMethod, StreamMethod, UnaryMethod } from './method.ts'
import { ResetWatch } from './reset-watch.ts'
import { Sessions } from './sessions.ts'

/** PEM. */
export interface TlsIdentity {
  readonly cert: string
  readonly key: string
}

export interface GrpcServerOptions extends CallContext {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Undefined: plaintext. */
  readonly tls?: TlsIdentity | undefined
  readonly methods: readonly (UnaryMethod | StreamedMethod)[]
  /** What health checks tell. */
  readonly isReady: () => Promise<boolean>
  /** Fires when the server is about to stop. */
  readonly draining: AbortSignal
  /** Behind their addresses are many clients. */
  readonly proxies: BlockList
}

const TLS_HANDSHAKE_MS = 10_000
/** What a peer's connections may do together: as much as so many of them. */
const CONNECTIONS_OF_PEER = 5

/** Whoever takes this port for that of HTTP. */
const http1 = refuseHttp1((_request, response) => {
  const message = 'This port speaks gRPC. HTTP is on another one (ENTREPOT_PORT, 8420 by default).'
  const error = { type: 'bad_request', message, code: 'request_malformed' }
  response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
})
const withoutTls = refuseGrpc('This port speaks TLS: connect with a secure channel.')

/**
 * Listens for gRPC calls of these methods and of health checks; there is no reflection.
 * @throws Error with `code` (EADDRINUSE, …) as of Node's servers
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const server = new GrpcServer(options)
  await server.listen(options.host, options.port)
  return server
}

// The library would print metadata that it does not like, keys of callers among it, to standard error.
setLogVerbosity(logVerbosity.NONE)

type Intercept = (call: ServerInterceptingCallInterface) => ServerInterceptingCall

/** A listening server. */
export class GrpcServer {
  readonly #options: GrpcServerOptions
  readonly #server: Server
  /** Accepts the connections. */
  readonly listener: NetServer
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Sessions()
  readonly #intercepts = new Map<string, Intercept>()
  readonly #stopping = new AbortController()
  readonly #drain: (graceMs: number) => void
  readonly #resets: ResetWatch

  constructor(options: GrpcServerOptions) {
    this.#options = options
    const { limits, methods, isReady, draining, tls, proxies } = options
    const serviceNames = [...new Set(methods.map(({ path }) => path.split('/')[1] ?? ''))]
    const health = healthMethods({ serviceNames, isReady, draining, stopping: this.#stopping.signal })
    const allMethods = [...methods, health.check]
    const interceptor = ({ path }: { path: string }, call: ServerInterceptingCallInterface) =>
      this.#intercepts.get(path)?.(call) ?? new ServerInterceptingCall(call)
    this.#server = new Server({ ...libraryOptions(limits, allMethods), interceptors: [interceptor] })
    for (const method of allMethods) {
      if (method.isStreamed) this.#addStreamed(method)
      else this.#addUnary(method)
    }
    this.#addStream(health.watch)
    // Connections are accepted here, so that they can be counted, encrypted and ended by means that are documented.
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure())
    this.#drain = (graceMs) => injector.drain(graceMs)
    const peers = new BlamedPeers({
      burst: limits.resetBurst * CONNECTIONS_OF_PEER,
      perSecond: limits.resetsPerSecond * CONNECTIONS_OF_PEER,
      proxies,
    })
    this.#resets = new ResetWatch(limits, (address, resets) => peers.blame(address, resets))
    this.listener = createListener(tls, (socket) => {
      if (socket.destroyed) return
      this.#resets.watch(socket)
      injector.injectConnection(socket)
    })
    if (tls) divertConnections(this.listener, TLS_HANDSHAKE_MS, { http1, http2: withoutTls })
    // Before anything is read or encrypted.
    this.listener.prependListener('connection', (socket) => {
      if (!peers.admits(socket.remoteAddress ?? '')) socket.destroy()
    })
    this.listener.maxConnections = limits.maxConnections
    this.listener.on('connection', (socket) => this.#keep(socket))
    cutSlowReaders(this.listener, limits)
  }

  /** Where it listens, `host:port`. */
  get address(): string {
    return listeningAt(this.listener)
  }

  async listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.listener.once('error', reject)
      this.listener.listen({ host, port }, () => {
        this.listener.off('error', reject)
        resolve()
      })
    })
  }

  /** From now on new connections get this certificate. Only for a server that has one. */
  setTls({ cert, key }: TlsIdentity): void {
    if (!(this.listener instanceof TlsServer)) throw new Error('a server without TLS')
    this.listener.setSecureContext({ cert, key })
  }

  /** No new connections or calls, whether it listens still or not; those in flight may finish within the time, then they are cut. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort()
    const closed = new Promise<void>((resolve) => this.listener.close(() => resolve()))
    await this.#sessions.end()
    this.#drain(graceMs)
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, graceMs)
    await closed
    clearTimeout(timer)
    this.#resets.stop()
    this.#server.forceShutdown()
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    this.#sessions.accept(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  #addUnary(method: UnaryMethod): void {
    const callOf = this.#intercept(method)
    const handle = async (
      { request, metadata }: ServerUnaryCall<Uint8Array, Uint8Array>,
      callback: sendUnaryData<Uint8Array>,
    ) => {
      const answer = await callOf(metadata).run((answerTo) => answerTo(request))
      if (answer instanceof CallFailure) callback(answer.status)
      else callback(null, answer)
    }
    this.#server.register(method.path, handle, toBuffer, asIs, 'unary')
  }

  #addStreamed(method: StreamedMethod): void {
    const callOf = this.#intercept(method, (call, stream) => {
      // The library would gather the message.
      stream.removeAllListeners('data')
      const unframe = (chunks: AsyncIterable<Uint8Array>) => unframed(chunks, method)
      void call.answer((answerTo) => answerTo({ body: stream, unframe }))
    })
    // Called only if the library keeps the stream to itself, and gathers the message.
    const handle = async (
      { request, metadata }: ServerUnaryCall<Uint8Array, Uint8Array>,
      callback: sendUnaryData<Uint8Array>,
    ) => {
      const answer = await callOf(metadata).run((answerTo) =>
        answerTo({ body: Readable.from([request]), unframe: (chunks) => chunks }),
      )
      if (answer instanceof CallFailure) callback(answer.status)
      else callback(null, answer)
    }
    this.#server.register(method.path, handle, toBuffer, asIs, 'unary')
  }

  #addStream(method: StreamMethod): void {
    const callOf = this.#intercept(method)
    const handle = async (stream: ServerWritableStream<Uint8Array, Uint8Array>) => {
      const ended = await callOf(stream.metadata).run(async (answersTo) => {
        for await (const message of answersTo(stream.request)) stream.write(message)
      })
      if (ended instanceof CallFailure) stream.emit('error', ended.status)
      else stream.end()
    }
    this.#server.register(method.path, handle, toBuffer, asIs, 'serverStream')
  }

  /** @returns what finds a call by its metadata, the one thing that its interceptor and its handler both get to see */
  #intercept<Answer>(
    method: Method<Answer>,
    onStream?: (call: IncomingCall<Answer>, stream: ServerHttp2Stream) => void,
  ): (metadata: Metadata) => IncomingCall<Answer> {
    const calls = new WeakMap<Metadata, IncomingCall<Answer>>()
    this.#intercepts.set(method.path, (call) => {
      this.#sessions.note(call)
      const incoming = new IncomingCall(call, method, this.#options, onStream)
      return new ServerInterceptingCall(
        call,
        incoming.responder((metadata) => void calls.set(metadata, incoming)),
      )
    })
    return (metadata) => {
      const incoming = calls.get(metadata)
      if (incoming === undefined) throw new Error('a call without its interceptor')
      return incoming
    }
  }
}

/** Options of the library: github.com/grpc/grpc-node, packages/grpc-js, README.md. */
function libraryOptions(limits: GrpcLimits, methods: readonly { readonly maxMessageBytes: number }[]) {
  return {
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': Math.max(...methods.map(({ maxMessageBytes }) => maxMessageBytes)),
    'grpc.max_concurrent_streams': limits.maxConcurrentStreams,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.max_connection_idle_ms': limits.idleMs,
  }
}

function createListener(tls: TlsIdentity | undefined, onConnection: (socket: Socket) => void): NetServer {
  if (tls === undefined) return createServer(onConnection)
  const { cert, key } = tls
  const options = { cert, key, ALPNProtocols: ['h2'], handshakeTimeout: TLS_HANDSHAKE_MS }
  return createTlsServer(options, (socket) => {
    // Node leaves these to whoever owns the socket (nodejs/node#35824).
    socket.on('error', () => undefined)
    onConnection(socket)
  })
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function asIs(bytes: Buffer): Buffer {
  return bytes
}
