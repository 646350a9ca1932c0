import { constants, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js'
import { streamOf } from './stream-of.ts'

/** Says that the connection ends without saying which call is the last one (RFC 9113, 6.8). */
const LAST_STREAM_ID = 2 ** 31 - 1
/** A client that does not answer may have gone; one that has just connected is about to make a call. */
const PATIENCE_MS = 1000
const LOOK_MS = 20

/** The connections of one server, and how their clients learn that it ends. */
export class Sessions {
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #announcements = new Set<Promise<void>>()
  /** When connections came on which no call was made yet, by `address:port` of the client. */
  readonly #unused = new Map<string, number>()
  #isEnding = false

  accept(socket: Socket): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    this.#unused.set(peer, performance.now())
    socket.once('close', () => this.#unused.delete(peer))
  }

  note(call: ServerInterceptingCallInterface): void {
    const session = streamOf(call)?.session as ServerHttp2Session | undefined
    if (session === undefined || this.#sessions.has(session)) return
    this.#sessions.add(session)
    this.#unused.delete(call.getPeer())
    session.once('close', () => this.#sessions.delete(session))
    if (this.#isEnding) this.#announce(session)
  }

  /**
   * Asks clients to make no more calls on these connections, and waits until they know: from then on none is on its way that
   * the end of the connection would fail. Calls are still answered.
   */
  async announceEnd(): Promise<void> {
    this.#isEnding = true
    for (const session of this.#sessions) this.#announce(session)
    // Only what has had a call can be told, and the first call of a new connection may be on its way.
    while (this.#announcements.size > 0 || this.#isCallExpected())
      await Promise.all([...this.#announcements, sleep(LOOK_MS)])
  }

  #isCallExpected(): boolean {
    const since = performance.now() - PATIENCE_MS
    return [...this.#unused.values()].some((acceptedAt) => acceptedAt > since)
  }

  #announce(session: ServerHttp2Session): void {
    const announcement = announceEnd(session).finally(() => this.#announcements.delete(announcement))
    this.#announcements.add(announcement)
  }
}

/** Resolves when the client has answered what was sent after the announcement, or its time is over. */
async function announceEnd(session: ServerHttp2Session): Promise<void> {
  if (session.destroyed || session.closed) return
  session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM_ID)
  // A PING goes before all else that waits to be written (nghttp2), but has to come after the announcement.
  await turn()
  if (session.destroyed) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, PATIENCE_MS)
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    session.once('close', end)
    if (!session.ping(end)) end()
  })
}
