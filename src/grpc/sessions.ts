import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js'
import { streamOf } from './incoming-call.ts'

/** A client that does not answer may have gone; one that has just connected is about to make a call. */
const PATIENCE_MS = 1000
const LOOK_MS = 20

/**
 * The connections of one server, and how they end without failing a call. A GOAWAY is the last thing that may be said while a
 * connection is idle: nghttp2 ignores every call that comes after it, one that was on its way included, and nginx does not
 * repeat those calls. So clients are told while a call is open, before its answer ends.
 */
export class Sessions {
  /** The latest call on each. */
  readonly #sessions = new Map<ServerHttp2Session, ServerHttp2Stream>()
  /** When connections came on which no call was made yet, by `address:port` of the client. */
  readonly #unused = new Map<string, number>()
  readonly #endings = new Set<Promise<void>>()
  #isEnding = false

  accept(socket: Socket): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    this.#unused.set(peer, performance.now())
    socket.once('close', () => this.#unused.delete(peer))
  }

  note(call: ServerInterceptingCallInterface): void {
    const stream = streamOf(call)
    const session = stream.session as ServerHttp2Session | undefined
    if (session === undefined) return
    if (!this.#sessions.has(session)) {
      this.#unused.delete(call.getPeer())
      session.once('close', () => this.#sessions.delete(session))
    }
    this.#sessions.set(session, stream)
    if (this.#isEnding) session.close()
  }

  /** Asks clients to make no more calls on these connections, and waits until all of them are asked. Calls are still answered. */
  async end(): Promise<void> {
    this.#isEnding = true
    for (const session of this.#sessions.keys()) {
      const ending = this.#end(session).finally(() => this.#endings.delete(ending))
      this.#endings.add(ending)
    }
    // The first call of a new connection may be on its way.
    while (this.#endings.size > 0 || this.#isCallExpected())
      await Promise.all([...this.#endings, sleep(LOOK_MS)])
  }

  async #end(session: ServerHttp2Session): Promise<void> {
    const latest = this.#sessions.get(session)
    if (latest?.writableEnded) {
      // nginx closes an idle connection on which anything comes. Whoever reads a PING while idle is a client of gRPC, which
      // repeats what a GOAWAY tells it was not begun.
      await answersPing(session)
    }
    if (!session.destroyed) session.close()
  }

  #isCallExpected(): boolean {
    const since = performance.now() - PATIENCE_MS
    return [...this.#unused.values()].some((acceptedAt) => acceptedAt > since)
  }
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
    // Called, too, when the connection is closed.
    if (!session.ping(end)) end()
  })
}
