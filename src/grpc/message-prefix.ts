import { GrpcError } from './status.ts'

/** A flag that tells whether the message is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export const PREFIX_BYTES = 5

export interface MessageBounds {
  readonly maxMessageBytes: number
  /** What a longer message is refused with, as if thrown; by default its length and the bound. */
  readonly tooLong?: ((lengthBytes: number) => unknown) | undefined
}

/** @returns the length of the message. @throws GrpcError `UNIMPLEMENTED` if it is compressed; what `tooLong` makes */
export function readPrefix(prefix: Buffer, { maxMessageBytes, tooLong }: MessageBounds): number {
  const lengthBytes = prefix.readUInt32BE(1)
  if (prefix[0] !== 0) throw new GrpcError('UNIMPLEMENTED', 'Compressed messages are not accepted.')
  if (lengthBytes <= maxMessageBytes) return lengthBytes
  if (tooLong) throw tooLong(lengthBytes)
  throw new GrpcError(
    'INVALID_ARGUMENT',
    `The message has ${lengthBytes} bytes, the maximum is ${maxMessageBytes}.`,
  )
}

export function secondMessage(): GrpcError {
  return new GrpcError('INVALID_ARGUMENT', 'There is more than one message.')
}
