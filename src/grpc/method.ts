import {
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { type MessageBounds, parseMessage, type RequestMessage } from './message.ts'
import type { GrpcFailure } from './status.ts'
import type { Account } from './watch-calls.ts'

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
  /** Fires when the call is over. */
  readonly signal: AbortSignal
}

/** What is known once a call is let in. */
export interface Admission extends Account {
  /** Reads the message and answers with one or more. */
  readonly answer: (message: RequestMessage) => AsyncIterable<Uint8Array>
}

/** A method with one request message. Its length is checked before it is read. */
export interface Method extends MessageBounds {
  /** `/package.Service/Method`. */
  readonly path: string
  /** Runs before the message is read. Throws to refuse the call. */
  readonly admit: (call: GrpcCall) => Promise<Admission>
  /** The failure to send for an error of `admit` or of the answer. */
  readonly toFailure: (thrown: unknown, requestId: string) => GrpcFailure
}

export interface UnaryHandlers<I extends DescMessage, O extends DescMessage, Admitted extends Account> {
  readonly maxMessageBytes: number
  readonly admit: (call: GrpcCall) => Promise<Admitted>
  readonly answer: (
    request: MessageShape<I>,
    admitted: Admitted,
    call: GrpcCall,
  ) => Promise<MessageShape<O>> | MessageShape<O>
  readonly toFailure: Method['toFailure']
}

/** Lets everybody in. */
export async function anybody(): Promise<Account> {
  return { organizationId: '' }
}

/** A method of a generated service, with messages instead of bytes. */
export function unary<I extends DescMessage, O extends DescMessage, Admitted extends Account>(
  method: DescMethodUnary<I, O>,
  { maxMessageBytes, admit, answer, toFailure }: UnaryHandlers<I, O, Admitted>,
): Method {
  return {
    path: pathOf(method),
    maxMessageBytes,
    toFailure,
    admit: async (call) => {
      const admitted = await admit(call)
      return {
        ...accountOf(admitted),
        answer: async function* (message) {
          const request = parseMessage(method.input, await message.whole())
          yield toBinary(method.output, await answer(request, admitted, call))
        },
      }
    },
  }
}

/** Of a caller, what is told of the call. */
export function accountOf({ organizationId, keyId, projectIds }: Account): Account {
  return { organizationId, ...(keyId === undefined ? {} : { keyId }), ...(projectIds ? { projectIds } : {}) }
}

export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`
}
