import {
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { GrpcError, type GrpcFailure } from './status.ts'

/** What is known of a call before its message is read. */
export interface GrpcCall {
  readonly requestId: string
  /** The address that the caller believes to speak to: `host:port`. */
  readonly authority: string
  readonly httpVersion: '2'
  /** Names of all metadata entries, in lower case. */
  headerNames(): readonly string[]
  /** A metadata entry of text; undefined if it is absent or there are several. */
  header(name: string): string | undefined
  /** Fires when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/** A method with one request message. `Answer` is what turns it into an answer. */
export interface Method<Answer> {
  /** `/package.Service/Method`. */
  readonly path: string
  /** Longer messages are refused when their length is known, before they are read. */
  readonly maxMessageBytes: number
  /** What a longer message is refused with, as if thrown; by default its length and the bound. */
  readonly tooLong?: (lengthBytes: number) => unknown
  /** Refuses, by throwing, or tells what will answer. Runs before a byte of the message is read. */
  readonly admit: (call: GrpcCall) => Promise<Answer>
  /** What the caller is told of whatever `admit` or the answer threw. */
  readonly toFailure: (thrown: unknown, requestId: string) => GrpcFailure
}

export type UnaryMethod = Method<(message: Uint8Array) => Promise<Uint8Array>>
/** Answers with messages until they end or nobody listens any more. */
export type StreamMethod = Method<(message: Uint8Array) => AsyncIterable<Uint8Array>>

export interface UnaryHandlers<I extends DescMessage, O extends DescMessage, Admitted> {
  readonly maxMessageBytes: number
  readonly admit: (call: GrpcCall) => Promise<Admitted>
  readonly answer: (
    request: MessageShape<I>,
    admitted: Admitted,
    call: GrpcCall,
  ) => Promise<MessageShape<O>> | MessageShape<O>
  readonly toFailure: UnaryMethod['toFailure']
}

/** A method of a generated service, with messages instead of bytes. */
export function unary<I extends DescMessage, O extends DescMessage, Admitted>(
  method: DescMethodUnary<I, O>,
  { maxMessageBytes, admit, answer, toFailure }: UnaryHandlers<I, O, Admitted>,
): UnaryMethod {
  return {
    path: pathOf(method),
    maxMessageBytes,
    toFailure,
    admit: async (call) => {
      const admitted = await admit(call)
      return async (message) => {
        const request = parseMessage(method.input, message)
        return toBinary(method.output, await answer(request, admitted, call))
      }
    },
  }
}

export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`
}

/** @throws GrpcError INVALID_ARGUMENT if the bytes are no such message */
export function parseMessage<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false })
  } catch {
    throw new GrpcError('INVALID_ARGUMENT', `The message is not a valid ${schema.typeName}.`)
  }
}
