import type { ErrorCode, ErrorKind, ServiceError } from '../../core/errors.ts'
import {
  type ErrorDetails,
  type GrpcCode,
  type GrpcCodeName,
  type GrpcFailure,
  grpcCodes,
  printStatus,
  statusJson,
} from '../../grpc/status.ts'
import { type ErrorAnswer, errorHeaders, isFault, shortageOf, toServiceError } from '../../http/errors.ts'
import { InvalidArgument } from './violations.ts'

/**
 * The vendor's code of each error. Its SDKs try RESOURCE_EXHAUSTED and UNAVAILABLE again, sending the file each time:
 * these two are for what passes by itself, and for quotas, where the vendor documents the former.
 */
const codes = {
  invalid: 'INVALID_ARGUMENT',
  rejected: 'INVALID_ARGUMENT',
  unauthenticated: 'UNAUTHENTICATED',
  forbidden: 'PERMISSION_DENIED',
  'not-found': 'NOT_FOUND',
  conflict: 'FAILED_PRECONDITION',
  'too-large': 'INVALID_ARGUMENT',
  unsupported: 'INVALID_ARGUMENT',
  limited: 'RESOURCE_EXHAUSTED',
  exhausted: 'RESOURCE_EXHAUSTED',
  full: 'INTERNAL',
  unavailable: 'UNAVAILABLE',
  timeout: 'UNAVAILABLE',
  internal: 'INTERNAL',
} as const satisfies Record<ErrorKind, GrpcCodeName>

const ownCodes: Readonly<Partial<Record<ErrorCode, GrpcCodeName>>> = {
  'tls-required': 'FAILED_PRECONDITION',
  'method-not-allowed': 'UNIMPLEMENTED',
  'transfer-coding-unsupported': 'UNIMPLEMENTED',
  'idempotency-running': 'ABORTED',
  'bytes-already-stored': 'ALREADY_EXISTS',
  'body-too-slow': 'DEADLINE_EXCEEDED',
  'range-unsatisfiable': 'OUT_OF_RANGE',
  'bytes-lost': 'DATA_LOSS',
}

/** As the vendor documents for its REST APIs. */
export const httpStatuses = {
  0: 200,
  1: 499,
  2: 500,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  10: 409,
  11: 400,
  12: 501,
  13: 500,
  14: 503,
  15: 500,
  16: 401,
} as const satisfies Record<GrpcCode, number>

/** What is of HTTP alone has its own status there. */
const ownStatuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  'expectation-unsupported': 417,
  'method-not-allowed': 405,
}

/** Trailers as a whole must fit into 8 KiB, and a character may take twelve there. */
const MAX_MESSAGE_CHARACTERS = 240

/** `google.rpc.Status` as JSON. */
export function toErrorAnswer(error: ServiceError, requestId: string): ErrorAnswer {
  const code = codeOf(error)
  return {
    status: ownStatuses[error.code] ?? httpStatuses[code],
    headers: errorHeaders(error),
    body: statusJson(code, messageOf(error), detailsOf(error, requestId)),
  }
}

/** The same error for gRPC, whatever was thrown. */
export function toGrpcFailure(thrown: unknown, requestId: string): GrpcFailure {
  const error = toServiceError(thrown)
  const code = codeOf(error)
  const message = clip(messageOf(error))
  const details = printStatus(code, message, detailsOf(error, requestId))
  const failure = { code, message, details }
  const shortage = shortageOf(error)
  if (shortage !== undefined) return { ...failure, shortage }
  return isFault(error) ? { ...failure, fault: error.cause ?? error } : failure
}

function codeOf({ code, kind }: ServiceError): GrpcCode {
  return grpcCodes[ownCodes[code] ?? codes[kind]]
}

function messageOf(error: ServiceError): string {
  if (error.code === 'internal') return 'Internal error'
  return error.code === 'route-unknown' ? 'Not Found' : error.message
}

function detailsOf(error: ServiceError, requestId: string): ErrorDetails {
  const { retryAfterSeconds } = error
  return { requestId, violations: violationsOf(error), retryAfterSeconds }
}

function violationsOf(error: ServiceError): InvalidArgument['violations'] {
  if (error instanceof InvalidArgument) return error.violations
  const { field, message } = error
  return field === undefined ? [] : [{ field, description: message }]
}

function clip(message: string): string {
  const characters = [...message]
  return characters.length <= MAX_MESSAGE_CHARACTERS
    ? message
    : `${characters.slice(0, MAX_MESSAGE_CHARACTERS - 1).join('')}…`
}
