import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { BlockList, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js'
import { BlamedPeers } from '../net/blamed-peers.ts'
import type { GrpcLimits } from './limits.ts'

/** Node publishes the end of every HTTP/2 stream of every server in this process (nodejs.org, "Diagnostics Channel"). */
const STREAM_CLOSED = 'http2.server.stream.close'
/** How long to wait for a PING's answer, and for the first call of a new connection. */
const PATIENCE_MS = 1000
const LOOK_MS = 20
/** The connections of one peer together may give up as many calls as so many connections. */
const CONNECTIONS_OF_PEER = 5

interface Connection {
  readonly socket: Socket
  readonly acceptedAt: number
  /** The latest call; undefined before the first. */
  latest: ServerHttp2Stream | undefined
  session: ServerHttp2Session | undefined
  /** Calls that the client gave up; falls with time. */
  resets: number
  resetsAt: number
}

/**
 * The connections of one server. Ends those whose clients give up calls too fast (rapid reset, CVE-2023-44487: beginning a
 * call costs the server a hundred times what giving it up costs the client), and at a stop all of them, without failing a
 * call.
 */
export class Connections {
  readonly #limits: GrpcLimits
  readonly #peers: BlamedPeers
  /** By `address:port` of the client. */
  readonly #open = new Map<string, Connection>()
  #isEnding = false

  /** Behind the addresses of `proxies` are many clients. */
  constructor(limits: GrpcLimits, proxies: BlockList) {
    this.#limits = limits
    const { resetBurst, resetsPerSecond } = limits
    this.#peers = new BlamedPeers({
      burst: resetBurst * CONNECTIONS_OF_PEER,
      perSecond: resetsPerSecond * CONNECTIONS_OF_PEER,
      proxies,
    })
    subscribe(STREAM_CLOSED, this.#onStreamClosed)
  }

  /** A connection that has just come, before it is encrypted. Ends it if its peer has given up too many calls lately. */
  accept(socket: Socket): void {
    const { remoteAddress = '' } = socket
    if (!this.#peers.admits(remoteAddress)) {
      socket.destroy()
      return
    }
    const peer = peerOf(socket)
    const now = performance.now()
    const connection = {
      socket,
      acceptedAt: now,
      latest: undefined,
      session: undefined,
      resets: 0,
      resetsAt: now,
    }
    this.#open.set(peer, connection)
    socket.once('close', () => {
      if (this.#open.get(peer) === connection) this.#open.delete(peer)
      // Otherwise a client that disconnects before the bound would start again from zero.
      this.#peers.blame(remoteAddress, Math.min(this.#fall(connection).resets, this.#limits.resetBurst))
    })
  }

  note(call: ServerInterceptingCallInterface): void {
    const connection = this.#open.get(call.getPeer())
    const stream = streamOf(call)
    const session = stream.session as ServerHttp2Session | undefined
    if (connection === undefined || session === undefined) return
    connection.latest = stream
    connection.session = session
    if (this.#isEnding) session.close()
  }

  /**
   * Asks all clients to make no more calls. Resolves when all were asked; open calls are still answered.
   *
   * After a GOAWAY nghttp2 ignores every call that arrives, even one that was on its way, and nginx does not repeat these
   * calls. So a GOAWAY is sent while a call is open, before its answer ends, and not on an idle connection.
   */
  async end(): Promise<void> {
    this.#isEnding = true
    const endings = [...this.#open.values()].map(endOf)
    // The first call of a new connection may be on its way.
    while (this.#isCallExpected()) await sleep(LOOK_MS)
    await Promise.all(endings)
  }

  /** Ends all connections at once. */
  destroy(): void {
    for (const { socket } of this.#open.values()) socket.destroy()
  }

  stop(): void {
    unsubscribe(STREAM_CLOSED, this.#onStreamClosed)
  }

  #isCallExpected(): boolean {
    const since = performance.now() - PATIENCE_MS
    return [...this.#open.values()].some(({ latest, acceptedAt }) => !latest && acceptedAt > since)
  }

  readonly #onStreamClosed = (message: unknown): void => {
    const { stream } = message as { readonly stream: ServerHttp2Stream }
    // A call counts as given up if it ends before its answer, whatever code the client gives.
    if (stream.state.localClose !== 0) return
    const session = stream.session as ServerHttp2Session | undefined
    if (session === undefined || session.destroyed) return
    const connection = this.#open.get(peerOf(session.socket))
    if (connection === undefined) return
    this.#fall(connection).resets++
    // After Node has closed the stream.
    if (connection.resets > this.#limits.resetBurst)
      process.nextTick(() => session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM))
  }

  #fall(connection: Connection): Connection {
    const now = performance.now()
    const fallen = (this.#limits.resetsPerSecond * (now - connection.resetsAt)) / 1000
    connection.resets = Math.max(0, connection.resets - fallen)
    connection.resetsAt = now
    return connection
  }
}

/**
 * The HTTP/2 stream of a call, which the library keeps private. The library would gather whole messages, bombs included, so
 * it handles only metadata, statuses and connections, and messages are read from the stream.
 */
export function streamOf(call: ServerInterceptingCallInterface): ServerHttp2Stream {
  return (call as unknown as { readonly stream: ServerHttp2Stream }).stream
}

function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress}:${remotePort}`
}

async function endOf({ session, latest }: Connection): Promise<void> {
  if (session === undefined) return
  // nginx closes an idle connection when anything arrives. A client that answers a PING while idle is a gRPC client, and
  // repeats calls that a GOAWAY says were not begun.
  if (latest?.writableEnded) await answersPing(session)
  if (!session.destroyed) session.close()
}

/** Resolves when the client has answered, the connection is closed, or the client's time is over. */
async function answersPing(session: ServerHttp2Session): Promise<void> {
  if (session.destroyed) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, PATIENCE_MS)
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    // Also called when the connection closes.
    if (!session.ping(end)) end()
  })
}
