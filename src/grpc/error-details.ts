import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { BadRequestSchema, RequestInfoSchema, StatusSchema } from './gen/status_pb.js'
import type { GrpcCode } from './status.ts'

/** What is told about an error beside its code, in the terms of `google.rpc`. */
export interface ErrorDetails {
  readonly requestId: string
  readonly violations: readonly { readonly field: string; readonly description: string }[]
}

/** A `google.rpc.Status` on the wire. */
export function printStatus(
  code: GrpcCode,
  message: string,
  { requestId, violations }: ErrorDetails,
): Uint8Array {
  const details = [anyPack(RequestInfoSchema, create(RequestInfoSchema, { requestId }))]
  if (violations.length > 0) {
    const fieldViolations = violations.map(({ field, description }) => ({ field, description }))
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })))
  }
  return toBinary(StatusSchema, create(StatusSchema, { code, message, details }))
}

const TYPES = 'type.googleapis.com/google.rpc'

/** The same as JSON, as REST answers carry it. */
export function statusJson(code: GrpcCode, message: string, { requestId, violations }: ErrorDetails) {
  const requestInfo = { '@type': `${TYPES}.RequestInfo`, requestId }
  const badRequest = { '@type': `${TYPES}.BadRequest`, fieldViolations: violations }
  return { code, message, details: violations.length > 0 ? [requestInfo, badRequest] : [requestInfo] }
}
