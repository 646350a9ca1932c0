import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { status } from '@grpc/grpc-js'
import { BadRequestSchema, RequestInfoSchema, RetryInfoSchema, StatusSchema } from './gen/status_pb.js'

/** The codes of gRPC (grpc.io, "Status Codes"), by name and by number. */
export { status as grpcCodes } from '@grpc/grpc-js'

export type GrpcCodeName = keyof typeof status
export type GrpcCode = status

/** How a call fails, as its caller is told. Safe to send. */
export interface GrpcFailure {
  readonly code: GrpcCode
  readonly message: string
  /** A serialized `google.rpc.Status`, for the trailer `grpc-status-details-bin`. */
  readonly details?: Uint8Array
  /** For the log: the fault was ours. */
  readonly fault?: unknown
  /** For a warning in the log: the message of a full store. */
  readonly shortage?: string
}

/** A failure of the transport, found before the method runs. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  readonly code: GrpcCode
  readonly retryAfterSeconds: number | undefined

  /** @param retryAfterSeconds after which a retry can succeed */
  constructor(code: GrpcCodeName, message: string, retryAfterSeconds?: number) {
    super(message)
    this.code = status[code]
    this.retryAfterSeconds = retryAfterSeconds
  }

  /** Has details only if the client needs more than the message. */
  toFailure(requestId: string): GrpcFailure {
    const { code, message, retryAfterSeconds } = this
    if (retryAfterSeconds === undefined) return { code, message }
    const details = printStatus(code, message, { requestId, violations: [], retryAfterSeconds })
    return { code, message, details }
  }
}

/** What is told about an error beside its code, in the terms of `google.rpc`. */
export interface ErrorDetails {
  readonly requestId: string
  readonly violations: readonly { readonly field: string; readonly description: string }[]
  /** Undefined: a retry does not help, or the time is unknown. */
  readonly retryAfterSeconds: number | undefined
}

/** A `google.rpc.Status` on the wire. */
export function printStatus(
  code: GrpcCode,
  message: string,
  { requestId, violations, retryAfterSeconds }: ErrorDetails,
): Uint8Array {
  const details = [anyPack(RequestInfoSchema, create(RequestInfoSchema, { requestId }))]
  if (violations.length > 0)
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: [...violations] })))
  if (retryAfterSeconds !== undefined) {
    const retryDelay = { seconds: BigInt(retryAfterSeconds) }
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })))
  }
  return toBinary(StatusSchema, create(StatusSchema, { code, message, details }))
}

const TYPES = 'type.googleapis.com/google.rpc'

/** The same as JSON, as REST answers carry it. */
export function statusJson(
  code: GrpcCode,
  message: string,
  { requestId, violations, retryAfterSeconds }: ErrorDetails,
) {
  const details: object[] = [{ '@type': `${TYPES}.RequestInfo`, requestId }]
  if (violations.length > 0) details.push({ '@type': `${TYPES}.BadRequest`, fieldViolations: violations })
  if (retryAfterSeconds !== undefined)
    details.push({ '@type': `${TYPES}.RetryInfo`, retryDelay: `${retryAfterSeconds}s` })
  return { code, message, details }
}
