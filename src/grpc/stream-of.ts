import { constants, type ServerHttp2Stream } from 'node:http2'
import { Duplex } from 'node:stream'
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js'
import type { GrpcLimits } from './limits.ts'

/**
 * The HTTP/2 stream of a call. The library keeps it to itself, and nothing else tells how much of a message is on its way.
 * @returns undefined should another version of the library keep it elsewhere
 */
export function streamOf(call: ServerInterceptingCallInterface): ServerHttp2Stream | undefined {
  const { stream } = call as { readonly stream?: unknown }
  return stream instanceof Duplex ? (stream as ServerHttp2Stream) : undefined
}

/** How long a caller that has its status may go on sending: some lose the status if their stream is reset at once. */
const LINGER_MS = 1000

/** Ends a stream whose status was sent, whether or not its peer does. The library leaves it open for as long as that likes. */
export function stopListening(call: ServerInterceptingCallInterface): void {
  const stream = streamOf(call)
  if (stream === undefined || stream.closed || stream.readableEnded) return
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), LINGER_MS).unref()
  stream.once('close', () => clearTimeout(timer))
}

const widened = new WeakSet<object>()

/** Lets more bytes be on their way; once for each connection, as soon as somebody on it was admitted. */
export function widenWindows(
  { session }: ServerHttp2Stream,
  { streamWindowBytes, connectionWindowBytes }: GrpcLimits,
): void {
  if (session === undefined || session.destroyed || widened.has(session)) return
  widened.add(session)
  session.settings({ initialWindowSize: streamWindowBytes })
  session.setLocalWindowSize(connectionWindowBytes)
}
