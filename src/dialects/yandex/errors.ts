import type { ErrorCode, ServiceError } from '../../core/errors.ts'
import { type ErrorDetails, printStatus, statusJson } from '../../grpc/error-details.ts'
import { type GrpcCode, type GrpcCodeName, type GrpcFailure, grpcCodes } from '../../grpc/status.ts'
import type { ErrorAnswer } from '../../http/error-answer.ts'
import { isFault, shortageOf, toServiceError } from '../../http/service-error.ts'
import { InvalidArgument } from './violations.ts'

/**
 * The vendor's code of each error. Its SDKs try RESOURCE_EXHAUSTED and UNAVAILABLE again, sending the file each time:
 * these two are for what passes by itself, and for quotas, where the vendor documents the former.
 */
export const wireCodes = {
  'route-unknown': 'NOT_FOUND',
  'base-url-wrong': 'NOT_FOUND',
  'tls-required': 'FAILED_PRECONDITION',
  'method-not-allowed': 'UNIMPLEMENTED',
  'request-malformed': 'INVALID_ARGUMENT',
  'transfer-coding-unsupported': 'UNIMPLEMENTED',
  'expectation-unsupported': 'INVALID_ARGUMENT',
  'body-not-json': 'INVALID_ARGUMENT',
  'body-type-unsupported': 'INVALID_ARGUMENT',
  'body-too-large': 'INVALID_ARGUMENT',
  'field-missing': 'INVALID_ARGUMENT',
  'field-unknown': 'INVALID_ARGUMENT',
  'field-invalid': 'INVALID_ARGUMENT',
  'version-invalid': 'INVALID_ARGUMENT',
  unauthenticated: 'UNAUTHENTICATED',
  'scope-missing': 'PERMISSION_DENIED',
  'role-missing': 'PERMISSION_DENIED',
  'user-missing': 'PERMISSION_DENIED',
  'project-forbidden': 'PERMISSION_DENIED',
  'origin-forbidden': 'PERMISSION_DENIED',
  'operation-off': 'PERMISSION_DENIED',
  'rate-limited': 'RESOURCE_EXHAUSTED',
  'quota-exceeded': 'RESOURCE_EXHAUSTED',
  'rule-violated': 'INVALID_ARGUMENT',
  'file-not-found': 'NOT_FOUND',
  'state-conflict': 'FAILED_PRECONDITION',
  'bytes-missing': 'INVALID_ARGUMENT',
  'size-mismatch': 'INVALID_ARGUMENT',
  'checksum-mismatch': 'INVALID_ARGUMENT',
  'idempotency-key-invalid': 'INVALID_ARGUMENT',
  'idempotency-running': 'ABORTED',
  'link-invalid': 'PERMISSION_DENIED',
  'bytes-already-stored': 'ALREADY_EXISTS',
  'precondition-failed': 'FAILED_PRECONDITION',
  'length-mismatch': 'INVALID_ARGUMENT',
  'digest-mismatch': 'INVALID_ARGUMENT',
  'bytes-too-many': 'INVALID_ARGUMENT',
  'body-incomplete': 'INVALID_ARGUMENT',
  'body-too-slow': 'DEADLINE_EXCEEDED',
  'range-unsatisfiable': 'OUT_OF_RANGE',
  'storage-full': 'INTERNAL',
  'storage-unavailable': 'UNAVAILABLE',
  'storage-timeout': 'UNAVAILABLE',
  'bytes-lost': 'DATA_LOSS',
  internal: 'INTERNAL',
} as const satisfies Record<ErrorCode, GrpcCodeName>

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
  const { retryAfterSeconds } = error
  return {
    status: ownStatuses[error.code] ?? httpStatuses[code],
    headers: {
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
      ...(code === 16 ? { 'www-authenticate': 'Bearer' } : {}),
    },
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

function codeOf({ code }: ServiceError): GrpcCode {
  return grpcCodes[wireCodes[code]]
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
