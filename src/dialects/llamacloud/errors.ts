import type { ErrorCode, ServiceError } from '../../core/errors.ts'
import type { ErrorAnswer } from '../../http/error-answer.ts'
import { IllegalName } from '../../intake/multipart/malformed.ts'
import { InvalidRequest } from './problems.ts'

interface WireError {
  readonly status: number
  /** The vendor's own text where it is known or fixed; else the message of the error. */
  readonly detail?: string
  /** Trying again by itself would not help; SDKs obey (`x-should-retry`). */
  readonly final?: true
}

const badRequest: WireError = { status: 400 }
const forbidden: WireError = { status: 403 }
const invalid: WireError = { status: 422 }
const conflict: WireError = { status: 409, final: true }
const notFound: WireError = { status: 404, detail: 'File not found' }

/** FastAPI's envelope with the vendor's statuses. Codes of other dialects' operations are mapped by their plain meaning. */
export const wireErrors = {
  'route-unknown': { status: 404, detail: 'Not Found' },
  'base-url-wrong': { status: 404 },
  'tls-required': badRequest,
  'method-not-allowed': { status: 405, detail: 'Method Not Allowed' },
  'request-malformed': { status: 400, detail: 'There was an error parsing the body' },
  'transfer-coding-unsupported': { status: 501, final: true },
  'expectation-unsupported': { status: 417 },
  'body-not-json': { status: 400, detail: 'There was an error parsing the body' },
  'body-type-unsupported': { status: 415 },
  'body-too-large': { status: 413 },
  'field-missing': invalid,
  'field-unknown': invalid,
  'field-invalid': invalid,
  'version-invalid': badRequest,
  unauthenticated: { status: 401 },
  'scope-missing': forbidden,
  'role-missing': forbidden,
  'user-missing': forbidden,
  'project-forbidden': forbidden,
  'origin-forbidden': forbidden,
  'operation-off': forbidden,
  'rate-limited': { status: 429 },
  'quota-exceeded': { status: 402 },
  'rule-violated': badRequest,
  'file-not-found': notFound,
  'state-conflict': conflict,
  'bytes-missing': badRequest,
  'size-mismatch': badRequest,
  'checksum-mismatch': badRequest,
  'idempotency-key-invalid': badRequest,
  'idempotency-running': { status: 409 },
  'link-invalid': forbidden,
  'bytes-already-stored': conflict,
  'precondition-failed': conflict,
  'length-mismatch': badRequest,
  'digest-mismatch': badRequest,
  'bytes-too-many': { status: 413 },
  'body-incomplete': { status: 400, detail: 'There was an error parsing the body' },
  'body-too-slow': { status: 408 },
  'range-unsatisfiable': { status: 416 },
  'storage-full': { status: 507, detail: 'Storage is full', final: true },
  'storage-unavailable': { status: 503, detail: 'Storage backend unavailable' },
  'storage-timeout': { status: 504, detail: 'Storage backend timed out' },
  'bytes-lost': { status: 500, final: true },
  internal: { status: 500 },
} as const satisfies Record<ErrorCode, WireError>

export function toErrorAnswer(error: ServiceError, requestId: string): ErrorAnswer {
  const { status, detail, final }: WireError = wireErrors[error.code]
  return {
    status,
    headers: {
      ...(final ? { 'x-should-retry': 'false' } : {}),
      ...(error.retryAfterSeconds === undefined ? {} : { 'retry-after': String(error.retryAfterSeconds) }),
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    },
    body: { detail: detailOf(error, status, detail, requestId) },
  }
}

function detailOf(
  error: ServiceError,
  status: number,
  detail: string | undefined,
  requestId: string,
): unknown {
  if (error instanceof InvalidRequest) return error.problems
  if (error instanceof IllegalName) return `${detail}. ${error.message}`
  if (status === 422) {
    return [{ type: 'value_error', loc: ['body', ...(error.field ? [error.field] : [])], msg: error.message }]
  }
  if (status === 500) return `Internal error, correlation ID ${requestId}`
  return detail ?? error.message
}
