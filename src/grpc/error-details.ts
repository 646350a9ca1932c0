import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack, DurationSchema } from '@bufbuild/protobuf/wkt'
import { BadRequestSchema, RequestInfoSchema, RetryInfoSchema, StatusSchema } from './gen/status_pb.js'
import type { GrpcCode, GrpcError, GrpcFailure } from './status.ts'

/** What is told about an error beside its code, in the terms of `google.rpc`. */
export interface ErrorDetails {
  readonly requestId: string
  readonly violations: readonly { readonly field: string; readonly description: string }[]
  /** Undefined: trying again does not help, or nobody knows when. */
  readonly retryAfterSeconds: number | undefined
}

/** A `google.rpc.Status` on the wire. */
export function printStatus(
  code: GrpcCode,
  message: string,
  { requestId, violations, retryAfterSeconds }: ErrorDetails,
): Uint8Array {
  const details = [anyPack(RequestInfoSchema, create(RequestInfoSchema, { requestId }))]
  if (violations.length > 0) {
    const fieldViolations = violations.map(({ field, description }) => ({ field, description }))
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })))
  }
  if (retryAfterSeconds !== undefined) {
    const retryDelay = create(DurationSchema, { seconds: BigInt(retryAfterSeconds) })
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })))
  }
  return toBinary(StatusSchema, create(StatusSchema, { code, message, details }))
}

/** What the plumbing found, told like any other failure where a client has to know more than the message. */
export function plumbingFailure(error: GrpcError, requestId: string): GrpcFailure {
  const { code, message, retryAfterSeconds } = error
  if (retryAfterSeconds === undefined) return { code, message }
  return {
    code,
    message,
    details: printStatus(code, message, { requestId, violations: [], retryAfterSeconds }),
  }
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
