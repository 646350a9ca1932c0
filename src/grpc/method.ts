import type { Readable } from 'node:stream'
import {
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import type { MessageBounds } from './message-prefix.ts'
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

/** What is known once a call is let in. */
export interface Admission<Answer> {
  /** On whose account memory is taken; '' where nobody has to say who they are. */
  readonly organizationId: string
  readonly answer: Answer
}

/** A method with one request message, which is refused by its length if it is too long. `Answer` is what answers it. */
export interface Method<Answer> extends MessageBounds {
  /** `/package.Service/Method`. */
  readonly path: string
  /** Refuses, by throwing, or tells what will answer. Runs before a byte of the message is read. */
  readonly admit: (call: GrpcCall) => Promise<Admission<Answer>>
  /** What the caller is told of whatever `admit` or the answer threw. */
  readonly toFailure: (thrown: unknown, requestId: string) => GrpcFailure
}

export interface UnaryMethod extends Method<(message: Uint8Array) => Promise<Uint8Array>> {
  readonly isStreamed?: false
}
/** A message that nobody has read yet. */
export interface UnreadMessage {
  /** The body of the request. It is read with backpressure, and never destroyed: a status may still go out on it. */
  readonly body: Readable
  /** The message in the chunks of `body`. @throws GrpcError while iterating, if it is not one whole message */
  unframe(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>
}
/** Reads its message as it comes, and watches its pace; for messages that are too large to be kept. */
export interface StreamedMethod extends Method<(message: UnreadMessage) => Promise<Uint8Array>> {
  readonly isStreamed: true
}
/** Answers with messages until they end or nobody listens any more. */
export type StreamMethod = Method<(message: Uint8Array) => AsyncIterable<Uint8Array>>

export interface UnaryHandlers<I extends DescMessage, O extends DescMessage, Admitted> {
  readonly maxMessageBytes: number
  readonly admit: (call: GrpcCall) => Promise<Admitted>
  /** Whose memory the message takes. */
  readonly organizationOf: (admitted: Admitted) => string
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
  { maxMessageBytes, admit, organizationOf, answer, toFailure }: UnaryHandlers<I, O, Admitted>,
): UnaryMethod {
  return {
    path: pathOf(method),
    maxMessageBytes,
    toFailure,
    admit: async (call) => {
      const admitted = await admit(call)
      return {
        organizationId: organizationOf(admitted),
        answer: async (message) => {
          const request = parseMessage(method.input, message)
          return toBinary(method.output, await answer(request, admitted, call))
        },
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
