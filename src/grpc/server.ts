import { once } from 'node:events'
import type { BlockList, Socket } from 'node:net'
import { createServer, type Server as NetServer } from 'node:net'
import { logVerbosity, type Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js'
import { divertConnections } from '../net/first-bytes.ts'
import { listeningAt, type TlsIdentity } from '../net/listening.ts'
import { cutSlowReaders } from '../net/reader-pace.ts'
import { refuseGrpc, refuseHttp1 } from '../net/refuse-http.ts'
import { Connections } from './connections.ts'
import { healthMethods } from './health.ts'
import { type CallContext, libraryServer } from './incoming-call.ts'
import type { Method } from './method.ts'

const { createServer: createTlsServer } = process.getBuiltinModule('node:tls')

export interface GrpcServerOptions extends CallContext {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Undefined: plaintext. */
  readonly tls?: TlsIdentity | undefined
  readonly methods: readonly Method[]
  /** What health checks tell. */
  readonly isReady: () => Promise<boolean>
  /** Fires when the server is about to stop. */
  readonly draining: AbortSignal
  /** Behind their addresses are many clients. */
  readonly proxies: BlockList
}

const TLS_HANDSHAKE_MS = 10_000

/** Answers clients that take this port for the HTTP port. */
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
  server.listener.listen({ host: options.host, port: options.port })
  await once(server.listener, 'listening')
  return server
}

// The library would print invalid metadata, including keys, to standard error.
setLogVerbosity(logVerbosity.NONE)

/** A listening server. */
export class GrpcServer {
  readonly #server: Server
  /** Accepts the connections. */
  readonly listener: NetServer
  readonly #stopping = new AbortController()
  readonly #drain: (graceMs: number) => void
  readonly #connections: Connections

  constructor(options: GrpcServerOptions) {
    const { limits, methods, isReady, draining, tls, proxies } = options
    const serviceNames = [...new Set(methods.map(({ path }) => path.split('/')[1] ?? ''))]
    const health = healthMethods({ serviceNames, isReady, draining, stopping: this.#stopping.signal })
    const byPath = new Map([...methods, ...health].map((method) => [method.path, method]))
    this.#connections = new Connections(limits, proxies)
    this.#server = libraryServer(byPath, this.#connections, options)
    // Connections are accepted here, because the library has no documented way to count, encrypt and end them.
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure())
    this.#drain = (graceMs) => injector.drain(graceMs)
    this.listener = createListener(tls, (socket) => {
      if (!socket.destroyed) injector.injectConnection(socket)
    })
    if (tls) divertConnections(this.listener, TLS_HANDSHAKE_MS, { http1, http2: withoutTls })
    // Before anything is read or encrypted.
    this.listener.prependListener('connection', (socket) => this.#connections.accept(socket))
    this.listener.maxConnections = limits.maxConnections
    cutSlowReaders(this.listener, limits)
  }

  /** Where it listens, `host:port`. */
  get address(): string {
    return listeningAt(this.listener)
  }

  /** Takes no new connections and calls. Open calls have `graceMs` to finish, then their connections end. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort()
    const closed = new Promise<void>((resolve) => this.listener.close(() => resolve()))
    await this.#connections.end()
    this.#drain(graceMs)
    const timer = setTimeout(() => this.#connections.destroy(), graceMs)
    await closed
    clearTimeout(timer)
    this.#connections.stop()
    this.#server.forceShutdown()
  }
}

function createListener(tls: TlsIdentity | undefined, onConnection: (socket: Socket) => void): NetServer {
  if (tls === undefined) return createServer(onConnection)
  const { cert, key } = tls
  const options = { cert, key, ALPNProtocols: ['h2'], handshakeTimeout: TLS_HANDSHAKE_MS }
  return createTlsServer(options, (socket) => {
    // Node leaves these errors to the owner of the socket (nodejs/node#35824).
    socket.on('error', () => undefined)
    onConnection(socket)
  })
}
