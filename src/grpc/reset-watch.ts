import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { GrpcLimits } from './limits.ts'

/** Node tells of every HTTP/2 stream that ends, of each server in this process (Node's documentation, "http2.server.stream.close"). */
const STREAM_CLOSED = 'http2.server.stream.close'

type ResetLimits = Pick<GrpcLimits, 'resetBurst' | 'resetsPerSecond'>

/** How many calls a client gave up lately: it goes down with time. */
interface Resets {
  count: number
  atMs: number
  readonly address: string
}

/**
 * Ends connections whose clients give calls up faster than they could have waited for an answer (rapid reset,
 * CVE-2023-44487): to begin a call costs the server a hundred times what to give it up costs the client.
 */
export class ResetWatch {
  readonly #limits: ResetLimits
  readonly #onEnded: (address: string, resets: number) => void
  /** HTTP/2 shows the socket of a session through a proxy, which passes this on. */
  readonly #resets = Symbol('resets')

  /** `onEnded` learns how many resets a connection had lately, at most the bound, when it ends, by whomever. */
  constructor(limits: ResetLimits, onEnded: (address: string, resets: number) => void) {
    this.#limits = limits
    this.#onEnded = onEnded
    subscribe(STREAM_CLOSED, this.#onClosed)
  }

  watch(socket: Socket): void {
    const resets: Resets = { count: 0, atMs: performance.now(), address: socket.remoteAddress ?? '' }
    Object.assign(socket, { [this.#resets]: resets })
    // Whoever leaves before the bound is reached would otherwise begin anew at no cost.
    socket.once('close', () =>
      this.#onEnded(resets.address, Math.min(this.#fall(resets).count, this.#limits.resetBurst)),
    )
  }

  stop(): void {
    unsubscribe(STREAM_CLOSED, this.#onClosed)
  }

  readonly #onClosed = (message: unknown): void => {
    const { stream } = message as { readonly stream: ServerHttp2Stream }
    // Given up before its answer was out, whatever had become of it here; by which code is the client's choice.
    if (stream.state.localClose !== 0) return
    const session = stream.session as ServerHttp2Session | undefined
    if (session === undefined || session.destroyed) return
    const resets = (session.socket as unknown as Record<symbol, Resets | undefined>)[this.#resets]
    if (resets === undefined) return
    this.#fall(resets).count++
    // Not in the midst of Node's own closing of the stream.
    if (resets.count > this.#limits.resetBurst)
      process.nextTick(() => session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM))
  }

  #fall(resets: Resets): Resets {
    const nowMs = performance.now()
    const fallen = (this.#limits.resetsPerSecond * (nowMs - resets.atMs)) / 1000
    resets.count = Math.max(0, resets.count - fallen)
    resets.atMs = nowMs
    return resets
  }
}
