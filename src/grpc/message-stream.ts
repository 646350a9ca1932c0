import type { ServerHttp2Stream } from 'node:http2'
import { type MessageBounds, PREFIX_BYTES, readPrefix, secondMessage } from './message-prefix.ts'
import { GrpcError } from './status.ts'

/**
 * The bytes of the one message of a call, as they come, and at the pace at which they are read. The library, which would
 * gather them, gets none. The stream is not destroyed when the reader stops early: a status may still go out on it.
 * @throws GrpcError if it is compressed, too long, cut short, or not the only message
 */
export async function* messageBytes(
  stream: ServerHttp2Stream,
  bounds: MessageBounds,
): AsyncGenerator<Uint8Array, void> {
  stream.removeAllListeners('data')
  let prefix: Buffer = Buffer.alloc(0)
  let leftBytes: number | undefined
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    let bytes = chunk
    if (leftBytes === undefined) {
      prefix = Buffer.concat([prefix, chunk])
      if (prefix.byteLength < PREFIX_BYTES) continue
      leftBytes = readPrefix(prefix, bounds)
      bytes = prefix.subarray(PREFIX_BYTES)
    }
    if (bytes.byteLength > leftBytes) throw secondMessage()
    leftBytes -= bytes.byteLength
    if (bytes.byteLength > 0) yield bytes
  }
  if (leftBytes !== 0)
    throw new GrpcError('INVALID_ARGUMENT', 'The message ends too early, or there is none.')
}
