import { constants, type ServerHttp2Session } from 'node:http2'
import { setImmediate as turn } from 'node:timers/promises'
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js'
import { streamOf } from './stream-of.ts'

/** Says that the connection ends without saying which call is the last one (RFC 9113, 6.8). */
const LAST_STREAM_ID = 2 ** 31 - 1
/** A client that does not answer may have gone. */
const PATIENCE_MS = 1000

/** The connections on which calls came. */
export class Sessions {
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #announcements = new Set<Promise<void>>()
  #isEnding = false

  note(call: ServerInterceptingCallInterface): void {
    const session = streamOf(call)?.session as ServerHttp2Session | undefined
    if (session === undefined || this.#sessions.has(session)) return
    this.#sessions.add(session)
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
    // A connection may get its first call meanwhile.
    while (this.#announcements.size > 0) await Promise.all(this.#announcements)
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
