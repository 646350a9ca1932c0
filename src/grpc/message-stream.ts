import { type MessageBounds, PREFIX_BYTES, readPrefix, secondMessage } from './message-prefix.ts'
import { GrpcError } from './status.ts'

/**
 * The bytes of the one message in the body of a request.
 * @throws GrpcError if it is compressed, too long, cut short, or not the only message
 */
export async function* unframed(
  body: AsyncIterable<Uint8Array>,
  bounds: MessageBounds,
): AsyncGenerator<Uint8Array, void> {
  let prefix: Uint8Array = new Uint8Array()
  let leftBytes: number | undefined
  for await (const chunk of body) {
    let bytes = chunk
    if (leftBytes === undefined) {
      bytes = prefix.byteLength === 0 ? chunk : Buffer.concat([prefix, chunk])
      prefix = bytes
      if (prefix.byteLength < PREFIX_BYTES) continue
      leftBytes = readPrefix(Buffer.from(prefix.buffer, prefix.byteOffset, PREFIX_BYTES), bounds)
      bytes = prefix.subarray(PREFIX_BYTES)
    }
    if (bytes.byteLength > leftBytes) throw secondMessage()
    leftBytes -= bytes.byteLength
    if (bytes.byteLength > 0) yield bytes
  }
  if (leftBytes !== 0)
    throw new GrpcError('INVALID_ARGUMENT', 'The message ends too early, or there is none.')
}
