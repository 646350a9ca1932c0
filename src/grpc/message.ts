import type { Readable } from 'node:stream'
import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf'
import { ServiceError } from '../core/errors.ts'
import type { Holding } from '../core/limits/fair-budget.ts'
import { spreadRetry } from '../core/limits/retry-queue.ts'
import { type Pace, pacedBody } from '../intake/body-source.ts'
import { GrpcError } from './status.ts'

/** A flag that tells whether the message is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const PREFIX_BYTES = 5
/** Memory of a message: its pieces, and the whole that is made of them. */
const COPIES = 2
/** Least seconds before a retry; spread, so that refused calls do not return together. */
const LEAST_RETRY_SECONDS = 5

export interface MessageBounds {
  readonly maxMessageBytes: number
  /** Makes the error for a longer message; by default it tells the length and the bound. */
  readonly tooLong?: ((lengthBytes: number) => unknown) | undefined
}

/** The one message of a request, not read yet. */
export class RequestMessage {
  readonly #body: Readable
  readonly #bounds: MessageBounds & Pace
  readonly #memory: Holding
  /** Bytes read so far. */
  receivedBytes = 0

  /** @param body read with backpressure and never destroyed, because the status is sent on it */
  constructor(body: Readable, bounds: MessageBounds & Pace, memory: Holding) {
    this.#body = body
    this.#bounds = bounds
    this.#memory = memory
  }

  /**
   * The bytes as they arrive.
   * @throws GrpcError if it is compressed, too long, cut short, or not the only message; ServiceError as of `pacedBody`
   */
  async *chunks(): AsyncGenerator<Uint8Array, void> {
    let prefix: Uint8Array = new Uint8Array()
    let leftBytes: number | undefined
    for await (const chunk of pacedBody(this.#body, this.#bounds)) {
      let bytes = chunk
      if (leftBytes === undefined) {
        prefix = prefix.byteLength === 0 ? chunk : Buffer.concat([prefix, chunk])
        if (prefix.byteLength < PREFIX_BYTES) continue
        leftBytes = readPrefix(Buffer.from(prefix.buffer, prefix.byteOffset, PREFIX_BYTES), this.#bounds)
        bytes = prefix.subarray(PREFIX_BYTES)
      }
      if (bytes.byteLength > leftBytes)
        throw new GrpcError('INVALID_ARGUMENT', 'There is more than one message.')
      leftBytes -= bytes.byteLength
      this.receivedBytes += bytes.byteLength
      if (bytes.byteLength > 0) yield bytes
    }
    if (leftBytes !== 0)
      throw new GrpcError('INVALID_ARGUMENT', 'The message ends too early, or there is none.')
  }

  /** The whole message. Memory is charged as its bytes arrive. @throws GrpcError */
  async whole(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    try {
      for await (const piece of this.chunks()) {
        if (!this.#memory.tryGrow(piece.byteLength * COPIES)) throw memoryExhausted()
        pieces.push(piece)
      }
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error
      throw new GrpcError(error.code === 'body-too-slow' ? 'DEADLINE_EXCEEDED' : 'CANCELLED', error.message)
    }
    return Buffer.concat(pieces)
  }
}

function memoryExhausted(): GrpcError {
  const message = 'Too many uploads at this moment; try again later.'
  return new GrpcError('RESOURCE_EXHAUSTED', message, spreadRetry(LEAST_RETRY_SECONDS))
}

/** @returns the length of the message. @throws GrpcError `UNIMPLEMENTED` if it is compressed; what `tooLong` makes */
function readPrefix(prefix: Buffer, { maxMessageBytes, tooLong }: MessageBounds): number {
  const lengthBytes = prefix.readUInt32BE(1)
  if (prefix[0] !== 0) throw new GrpcError('UNIMPLEMENTED', 'Compressed messages are not accepted.')
  if (lengthBytes <= maxMessageBytes) return lengthBytes
  if (tooLong) throw tooLong(lengthBytes)
  const message = `The message has ${lengthBytes} bytes, the maximum is ${maxMessageBytes}.`
  throw new GrpcError('INVALID_ARGUMENT', message)
}

/** @throws GrpcError INVALID_ARGUMENT if the bytes are no such message */
export function parseMessage<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false })
  } catch {
    throw new GrpcError('INVALID_ARGUMENT', `The message is not a valid ${schema.typeName}.`)
  }
}
